"""The verb ``fundus-mtl infer``: a folder of photographs, and what a training knows of how to look at them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

REFUSED, INTERRUPTED = 2, 130
OWN_BUNDLE = "refuge_mtl"
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
    from fundus_mtl.key_values import parse_changes
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


def infer(
    folder: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    overlays: Sequence[str | Path] = (),
    **options: Any,
) -> int:
    """Measure a folder of photographs as a training would look at them.

    Args:
        folder: of photographs, or a list of them as CSV.
        out: folder for the results.
        weights: of a training, with ``recipe.json`` beside them; None for those that come with the package.
        overlays: files that the training was given and the bundles do not have.
        **options: items of the bundle's ``common.yaml`` and ``inference.yaml``.

    Returns:
        The exit status, see ``fundus_mtl.reporting.FolderResults.exit_code``.

    Raises:
        FileNotFoundError: if no weights are given and none come with the package.
        ValueError: if the weights have no recipe, or not theirs.
        WorkflowError: if the run went wrong.
    """
    from fundus_mtl.reporting import NothingUsableError
    from fundus_mtl.workflow import StrictWorkflow, WorkflowError, trained_configs

    names, changes = trained_configs(_own_weights() if weights is None else weights, "inference.yaml", overlays)
    if note := options.get("note", changes.get("note")):
        print(f"note on these weights: {note}", file=sys.stderr)
    workflow = StrictWorkflow(
        config_file=[str(name) for name in names],
        meta_file=str(names[0].with_name("metadata.json")),
        logging_file=str(names[0].with_name("logging.conf")),
        workflow_type="infer",
        **{**changes, "dataset_dir": str(folder), "results_dir": str(out), **options},
    )
    workflow.initialize()
    try:
        workflow.run()
    except WorkflowError as error:
        if not isinstance(error.__cause__, NothingUsableError):
            raise
    workflow.finalize()
    return int(workflow.parser.get_parsed_content("results").exit_code)


def _own_weights() -> Path:
    path = Path(str(files("fundus_mtl.bundles"))) / OWN_BUNDLE / "models" / "model.pt"
    if not path.is_file():
        raise FileNotFoundError(
            "weights: expected a trained model, but got none, and none comes with this version; give --weights "
            "…/models/model.pt of a training (the README says how; `make demo` leaves one of phantoms in runs/demo)."
        )
    return path
