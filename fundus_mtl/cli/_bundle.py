"""The verb ``fundus-mtl bundle``: a bundle in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from typing import Any

REFUSED = 2
_ABOUT = """Write a bundle in the layout of MONAI's model zoo: configs/ with one file each for training, evaluation and
inference, models/ with the weights and their recipe, docs/, LICENSE. It runs with stock MONAI where fundus_mtl is
installed.

  fundus-mtl bundle refuge_mtl my_bundle --weights runs/refuge_mtl/models/model.pt
  cd my_bundle && python -m monai.bundle run --config_file configs/inference.json --dataset_dir PHOTOGRAPHS"""


def add_bundle(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = verbs.add_parser(
        "bundle",
        help="write a bundle as a folder of its own",
        description=_ABOUT,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="installed bundle, such as refuge_mtl, or a folder")
    parser.add_argument("out", metavar="OUT", help="new or empty folder")
    parser.add_argument("--weights", help="model.pt of a training, with recipe.json beside it")
    parser.add_argument(
        "--overlay", action="append", default=[], metavar="FILE", help="overlay of your own that the training was given"
    )
    parser.set_defaults(run=run_bundle)


def run_bundle(given: argparse.Namespace) -> int:
    """Write the bundle; return the exit status."""
    from fundus_mtl.workflow import export_bundle

    try:
        model = export_bundle(given.name, given.out, given.weights, given.overlay)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    print(f"Wrote {given.out}.")
    if model is None:
        print("It has no weights: give --weights of a training, or train in the new folder.", file=sys.stderr)
    return 0
