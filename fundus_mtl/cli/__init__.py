"""The command ``fundus-mtl``: thin verbs over the package. Research use only."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from fundus_mtl import __version__
from fundus_mtl.cli._bundle import add_bundle
from fundus_mtl.cli._compare import add_compare
from fundus_mtl.cli._export import add_export
from fundus_mtl.cli._infer import add_infer
from fundus_mtl.notices import RESEARCH_USE_ONLY

# Each adds its subparser, with set_defaults(run=function of the parsed options that returns the exit status). Importing
# them must be cheap: everything heavy is imported when the verb runs.
VERBS: tuple[Callable[[Any], None], ...] = (add_infer, add_export, add_compare, add_bundle)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="fundus-mtl", description="Multi-task learning for colour fundus photographs.", epilog=RESEARCH_USE_ONLY
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = top.add_subparsers(metavar="VERB", required=True)
    for add in VERBS:
        add(verbs)
    for verb in verbs.choices.values():
        verb.epilog = verb.epilog or RESEARCH_USE_ONLY
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    given = parser().parse_args(arguments)
    return int(given.run(given))
