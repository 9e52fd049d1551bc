"""The verb ``fundus-mtl infer``: a folder of photographs, processed as in a training."""

from __future__ import annotations

import argparse
from typing import Any

from fundus_mtl.cli._endings import DONE, refusing
from fundus_mtl.cli._key_values import add_key_values, key_values
from fundus_mtl.cli._output import relative_to_here, shown_folder
from fundus_mtl.cli._parser import positive
from fundus_mtl.cli._verb import add_verb
from fundus_mtl.files import printable

_ABOUT = """Measure a folder of photographs: one row per photograph with cup-to-disc ratios and related measures, overlays, a
report. FOLDER may be nested, or a .csv with a column path. OUT gets results.csv, results.jsonl, failures.csv,
data_dictionary.csv, report.html, masks, overlays. Run it again after a stop to resume. Exit status: 0 all measured, 1
the run failed, 2 refused, 3 some failed (failures.csv has the reasons), 4 none usable, 130 stopped."""
_EXAMPLES = """
fundus-mtl infer PHOTOGRAPHS RESULTS --vessels                 # the package's own weights
fundus-mtl infer PHOTOGRAPHS RESULTS --weights runs/refuge_mtl/models/model.pt
fundus-mtl infer PHOTOGRAPHS RESULTS --dry-run
fundus-mtl infer PHOTOGRAPHS RESULTS/2 --shard 2/8             # on the second of eight machines
fundus-mtl infer list.csv RESULTS --weights model.pt --vessel-weights vessels/model.pt
fundus-mtl infer PHOTOGRAPHS RESULTS --weights model.pt id_mode=hash mm_per_px=0.006
"""
REPORT = "report.html"
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
    parser.add_argument(
        "--batch-size", type=positive, metavar="N", help="photographs per pass of the network; default: 1"
    )
    parser.add_argument(
        "--shard", metavar="K/N", help="only the K-th of N parts, for many machines; `fundus-mtl merge` joins them"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results instead of resuming")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    add_key_values(parser, "item of the bundle's inference.yaml")


def run_infer(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        options = _options(given)
        from fundus_mtl.inference import infer, planned

        what: dict[str, Any] = {"overlays": given.overlay, "vessels": given.vessels, **options}
        if given.dry_run:
            print(*map(printable, planned(given.folder, given.out, given.weights, **what)), sep="\n")
            return DONE
        status = infer(given.folder, given.out, given.weights, **what)
    out = relative_to_here(given.out)
    report = f"{REPORT} there" if out is None else out / REPORT
    given.output.info(f"results are in {shown_folder(given.out)}; open {report}")
    return status


def _options(given: argparse.Namespace) -> dict[str, Any]:
    """Return the items of the configuration that the command line changes.

    Raises:
        ValueError: If a value is not YAML, or an item has an argument of its own.
    """
    names = ("disc_weights", "vessel_weights", "device", "batch_size", "shard")
    named = {name: getattr(given, name) for name in names}
    options = key_values(given) | {key: value for key, value in named.items() if value is not None}
    if wrong := _NOT_ITEMS & set(options):
        raise ValueError(f"--set: expected other items, but got {', '.join(sorted(wrong))}; give it without --set.")
    return options | ({"overwrite": True} if given.overwrite else {})
