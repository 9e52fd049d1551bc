"""The verb ``fundus-mtl prepare``: from a data set as it is downloaded to datalists."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from fundus_mtl.cli._endings import DONE, REFUSED, BadInputError
from fundus_mtl.cli._output import add_output_options
from fundus_mtl.cli._parser import Parser
from fundus_mtl.cli._verb import add_verb
from fundus_mtl.suggestions import did_you_mean

PACKAGE = "fundus_mtl.data_prep"
_ABOUT = """Write the masks and datalists of a data set. RAW is the folder it was unpacked to, OUT the folder to write to;
`fundus-mtl prepare DATASET --help` lists the options of a data set. Exit status: 0 done, 1 `check` found
faults, 2 refused (the reason is printed), 130 stopped."""
_EXAMPLES = """
fundus-mtl prepare refuge REFUGE_RAW data/refuge
fundus-mtl prepare idrid IDRID_RAW data/idrid --masks IDRID_MASKS
fundus-mtl prepare phantom raw --train 40 --validation 20 --test 20      # drawn, no download
fundus-mtl prepare check data/refuge/datalist.json                       # what is in a datalist, and what is wrong
fundus-mtl prepare refuge --help
"""


def add_prepare(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "prepare", run_prepare, "write the datalists of a data set", _ABOUT, _EXAMPLES)
    listed = "\n".join(f"  {name:10} {summary}" for name, summary in datasets().items()).replace("%", "%%")
    parser.description = f"{parser.description}\n\ndata sets:\n{listed}"
    parser.usage = "%(prog)s [-h] DATASET RAW OUT ..."
    parser.add_argument("dataset", metavar="DATASET", help="name of the data set")
    about = "RAW, OUT and options of the data set"
    parser.add_argument("arguments", nargs=argparse.REMAINDER, action=_Rest, metavar="...", help=about)


class _Rest(argparse.Action):
    """Leave to the data set what is not an option of every verb."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        common = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
        add_output_options(common)
        setattr(namespace, self.dest, common.parse_known_args(values, namespace)[1])


def run_prepare(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    known = list(datasets())
    if given.dataset not in known:
        meant = did_you_mean(given.dataset, known)
        raise BadInputError(f"expected a data set of {', '.join(known)}, but got {given.dataset}{meant}")
    module = importlib.import_module(f"{PACKAGE}.{given.dataset}")
    status = int(module.main(given.arguments))  # the module has printed why
    if status in getattr(module, "OWN_STATUSES", ()):
        return status
    return REFUSED if status else DONE


def datasets() -> dict[str, str]:
    """Return the first line of the docstring of each data set's module, by name; the modules are not imported."""
    folder = Path(str(files(PACKAGE)))
    names = sorted(found.name for found in pkgutil.iter_modules([str(folder)]) if not found.name.startswith("_"))
    return {name: _first_line(folder / f"{name}.py") for name in names}


def _first_line(module: Path) -> str:
    with module.open(encoding="utf-8") as source:
        return source.readline().strip().lstrip("r").strip('"').rstrip(".")
