"""The verb ``fundus-mtl bundle``: a bundle in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fundus_mtl.cli._endings import DONE, refusing
from fundus_mtl.cli._output import shown_folder
from fundus_mtl.cli._verb import add_verb

_ABOUT = """Write a bundle in the layout of MONAI's model zoo: configs/ with one file each for training, evaluation and
inference, models/ with the weights, their recipe and the network as TorchScript, docs/, LICENSE. MONAI's own verbs, MONAI
Label and MONAI Deploy take it where fundus_mtl is installed. Exit status: 0 done, 2 refused, 130 stopped."""
_EXAMPLES = """
fundus-mtl bundle refuge_mtl my_bundle --weights runs/refuge_mtl/models/model.pt
cd my_bundle && python -m monai.bundle run --config_file configs/inference.json --dataset_dir PHOTOGRAPHS
"""


def add_bundle(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "bundle", run_bundle, "write a bundle as a folder of its own", _ABOUT, _EXAMPLES)
    parser.add_argument("name", metavar="NAME", help="name of a bundle of the package, or path of a bundle's folder")
    parser.add_argument("out", metavar="OUT", help="new or empty folder")
    parser.add_argument("--weights", metavar="FILE", help="model.pt of a training, with recipe.json beside it")
    parser.add_argument(
        "--overlay", action="append", default=[], metavar="FILE", help="overlay of your own that the training was given"
    )
    parser.add_argument("--zip", action="store_true", help="also pack the folder into OUT.zip")
    parser.add_argument("--onnx", action="store_true", help="also write models/model.onnx (extra: onnx)")


def run_bundle(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        from fundus_mtl.workflow import export_bundle, zip_bundle, zip_of

        if given.zip:
            zip_of(given.out)
        model = export_bundle(given.name, given.out, given.weights, given.overlay, onnx=given.onnx)
        packed = f" and, beside it, {zip_bundle(given.out).name}" if given.zip else ""
    given.output.info(f"Wrote {shown_folder(given.out)}{packed}.")
    if model is None:
        print("It has no weights: give --weights of a training, or train in the new folder.", file=sys.stderr)
    return DONE
