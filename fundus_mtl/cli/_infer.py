"""The verb ``fundus-mtl infer``: a folder of photographs, processed as in a training."""

from __future__ import annotations

import argparse
from typing import Any

from fundus_mtl.cli._endings import refusing
from fundus_mtl.cli._key_values import add_key_values, key_values
from fundus_mtl.cli._verb import add_verb

_ABOUT = """Measure a folder of photographs: one row per photograph with cup-to-disc ratios and related measures, overlays, a
report. FOLDER may be nested, or a .csv with a column path. OUT gets results.csv, results.jsonl, failures.csv,
data_dictionary.csv, report.html, masks, overlays. Run it again after a stop to resume. Exit status: 0 all measured, 2
refused, 3 some failed (failures.csv has the reasons), 4 none usable, 130 stopped."""
_EXAMPLES = """
fundus-mtl infer PHOTOGRAPHS RESULTS --vessels                 # the package's own weights
fundus-mtl infer PHOTOGRAPHS RESULTS --weights runs/refuge_mtl/models/model.pt
fundus-mtl infer list.csv RESULTS --weights model.pt --vessel-weights vessels/model.pt
fundus-mtl infer PHOTOGRAPHS RESULTS --weights model.pt id_mode=hash mm_per_px=0.006
"""
_NOT_ITEMS = frozenset({"folder", "out", "weights", "overlays", "vessels", "dataset_dir", "results_dir", "ckpt_path"})


def add_infer(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(
        verbs,
        "infer",
        run_infer,
        "measure a folder of photographs",
        _ABOUT,
        _EXAMPLES,
        if_stopped="run the same command again to resume.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder of photographs, or a .csv that lists them")
    parser.add_argument("out", metavar="OUT", help="folder for the results")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="model.pt of a training, with recipe.json beside it; default: the package's own",
    )
    parser.add_argument(
        "--disc-weights",
        metavar="FILE",
        help="weights of refuge_disc_mtl: disc and cup again in a window around the disc",
    )
    vessels = parser.add_mutually_exclusive_group()
    vessels.add_argument(
        "--vessels", action="store_true", help="arteries, veins and their measures too, by the package's own weights"
    )
    vessels.add_argument("--vessel-weights", metavar="FILE", help="the same by weights of a training of hrf_av_mtl")
    parser.add_argument(
        "--overlay", action="append", default=[], metavar="FILE", help="overlay of your own that the training was given"
    )
    parser.add_argument("--device", help="device, such as cpu or cuda:0; default: a GPU if there is one")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results instead of resuming")
    add_key_values(parser, "item of the bundle's inference.yaml")


def run_infer(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        options = _options(given)
        from fundus_mtl.inference import infer

        return infer(given.folder, given.out, given.weights, overlays=given.overlay, vessels=given.vessels, **options)


def _options(given: argparse.Namespace) -> dict[str, Any]:
    """Return the items of the configuration that the command line changes.

    Raises:
        ValueError: If a value is not YAML, or an item has an argument of its own.
    """
    named = {"disc_weights": given.disc_weights, "vessel_weights": given.vessel_weights, "device": given.device}
    options = key_values(given) | {key: value for key, value in named.items() if value is not None}
    if wrong := _NOT_ITEMS & set(options):
        raise ValueError(f"--set: expected other items, but got {', '.join(sorted(wrong))}; give it without --set.")
    return options | ({"overwrite": True} if given.overwrite else {})
