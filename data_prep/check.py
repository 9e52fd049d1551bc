"""Check a datalist: counts per split, labels, files, and everything that would stop a training.

    fundus-mtl prepare check DATALIST [--quick] [--coded TASK ...]

Prints how many photographs, patients and labels each split has, then every fault, one sentence each:

* keys, ids, values of labels, points outside of their photograph;
* a patient, or a photograph (also as a copy in other bytes or under another name), in two splits or folds;
* files that are missing or cannot be read, masks of another size than their photograph, masks of several codes.

A note is no fault: it says what a training on all tasks would refuse. ``--quick`` opens no picture, so it finds
nothing about pixels. Exit status: 0 no fault, 1 faults, 2 the datalist cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.data import InspectedDatalist, inspect_datalist
from fundus_mtl.files import printable

from ._check_pixels import pixel_faults
from ._check_table import coverage
from ._command import program, refuse

OWN_STATUSES = (1,)
"""Exit statuses of `main` that mean something else than "refused"."""
_FAULTY, _UNREADABLE = 1, 2
_SHOWN = 100


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 for no fault, 1 for faults, 2 for a datalist that cannot be read."""
    given = _parser().parse_args(argv)
    try:
        found = inspect_datalist(given.datalist)
        if unknown := sorted(set(given.coded) - set(found.tasks)) if found.tasks else []:
            raise ValueError(f"--coded: expected tasks among {list(found.tasks)}, but got {unknown[0]!r}.")
    except (OSError, ValueError) as error:
        refuse("The check", error)
        return _UNREADABLE
    faults = [*found.faults, *([] if given.quick else pixel_faults(found, given.coded))]
    _print(found, faults)
    if not given.coded and any("expected a mask" in fault for fault in faults):
        print("If a file is a field of view or a coded map, and no mask of one structure, name its task with --coded.")
    return _FAULTY if faults else 0


def _print(found: InspectedDatalist, faults: Sequence[str]) -> None:
    if found.items:
        print(coverage(found), end="\n\n")
    for note in found.notes:
        print(printable(f"note: {note}"))
    for fault in faults[:_SHOWN]:
        print(printable(f"fault: {fault}"))
    if len(faults) > _SHOWN:
        print(f"... and {len(faults) - _SHOWN} more")
    print("no fault was found" if not faults else f"{len(faults)} fault{'s' * (len(faults) > 1)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("check"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datalist", type=Path, help="datalist to check, a JSON file")
    parser.add_argument("--quick", action="store_true", help="open no picture")
    parser.add_argument(
        "--coded",
        nargs="+",
        default=[],
        metavar="TASK",
        help="tasks whose files are pictures, but no masks of one structure: coded maps, fields of view",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
