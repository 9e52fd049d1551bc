"""The verb ``fundus-mtl infer``: a folder of photographs, and what a training knows of how to look at them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

REFUSED, INTERRUPTED = 2, 130
_ABOUT = """One row per photograph: cup-to-disc ratios and their relatives, overlays, a report. FOLDER may be nested, or a
.csv with a column path. OUT gets results.csv, results.jsonl, failures.csv, data_dictionary.csv, report.html, masks,
overlays. Called again after a stop, it goes on. Exit status: 0 all measured, 2 refused, 3 some failed (failures.csv
says why), 4 none usable, 130 stopped."""


def add_infer(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = verbs.add_parser(
        "infer",
        help="measure a folder of photographs",
        description=_ABOUT,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", help="of photographs, or a .csv that lists them")
    parser.add_argument("out", metavar="OUT", help="folder for the results")
    parser.add_argument(
        "--weights", help="model.pt of a training, with recipe.json beside it; default: the bundle's own"
    )
    parser.add_argument("--disc-weights", help="of refuge_disc_mtl: disc and cup are looked at again, closely")
    parser.add_argument("--vessel-weights", help="of hrf_av_mtl: arteries, veins and their measures too")
    parser.add_argument(
        "--overlay", action="append", default=[], metavar="FILE", help="overlay of your own that the training was given"
    )
    parser.add_argument("--device", help="such as cpu or cuda:0; default: a GPU where there is one")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace earlier results instead of going on with them"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any item of the bundle's inference.yaml"
    )
    parser.set_defaults(run=run_infer)


def run_infer(given: argparse.Namespace) -> int:
    """Do what the command line says; return the exit status."""
    from fundus_mtl.cli._key_values import parse_changes
    from fundus_mtl.inference import infer
    from fundus_mtl.workflow import WorkflowError

    named = {"disc_weights": given.disc_weights, "vessel_weights": given.vessel_weights, "device": given.device}
    try:
        options = parse_changes(given.set) | {key: value for key, value in named.items() if value is not None}
        if wrong := {"folder", "out", "weights", "overlays", "dataset_dir", "results_dir", "ckpt_path"} & set(options):
            raise ValueError(f"--set: expected other items, but got {', '.join(sorted(wrong))}; give it without --set.")
        options |= {"overwrite": True} if given.overwrite else {}
        return infer(given.folder, given.out, given.weights, overlays=given.overlay, **options)
    except KeyboardInterrupt:
        print("stopped: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except WorkflowError:  # said already
        return REFUSED
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
