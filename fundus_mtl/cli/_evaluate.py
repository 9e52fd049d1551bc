"""The verb ``fundus-mtl evaluate``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.cli._bundle_run import (
    add_bundle_arguments,
    check_keys,
    item_of,
    named_bundle,
    named_overlays,
    run_args_file,
)
from fundus_mtl.cli._endings import DONE, refusing
from fundus_mtl.cli._key_values import key_values
from fundus_mtl.cli._output import shown_folder
from fundus_mtl.cli._verb import add_verb

if TYPE_CHECKING:
    from fundus_mtl.workflow import Bundle

_ABOUT = """Evaluate the best weights of a training on labelled photographs: what `python -m monai.bundle run --args_file
BUNDLE/configs/args_evaluate.yaml` does, with the same messages. Tables with intervals, figures and pictures of cases are
written to evaluation in output_dir. What shaped the network or its input in training (recipes, size, width, tasks,
method, output_dir) must be given again. Exit status: 0 done, 1 failed, 2 refused (the last line says why), 130 stopped."""
_EXAMPLES = """
fundus-mtl evaluate refuge_mtl dataset_dir=data/refuge
fundus-mtl evaluate refuge_mtl --overlay robust output_dir=runs/robust
fundus-mtl evaluate digits_mtl --method mt_cool
fundus-mtl evaluate refuge_mtl section=validation calibrate=true
"""


def add_evaluate(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "evaluate", run_evaluate, "evaluate a training on labelled photographs", _ABOUT, _EXAMPLES)
    method = "method of the training, where its network depends on the method, such as mt_cool"
    parser.add_argument("--method", metavar="METHOD", help=method)
    add_bundle_arguments(parser)


def run_evaluate(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        bundle = named_bundle(given)
        overlays = named_overlays(bundle, given.overlay)
        changes = _network_items(bundle, given.method) | key_values(given)
        check_keys(changes)
    workflow = run_args_file(
        bundle.evaluate_args, overlays, changes, lambda workflow: _check_training(workflow, overlays)
    )
    if folder := item_of(workflow, "evaluation_dir"):
        given.output.info(f"results are in {shown_folder(folder)}")
    return DONE


def _check_training(workflow: Any, overlays: Sequence[Path]) -> None:
    """Refuse weights that another network or another input was trained with."""
    from fundus_mtl.workflow import StrictWorkflow, refuse_other_training

    if isinstance(workflow, StrictWorkflow):
        with refusing(ValueError, OSError):
            refuse_other_training(workflow, overlays)


def _network_items(bundle: Bundle, method: str | None) -> dict[str, Any]:
    """Return what a method's overlay changes of the items that the evaluation has too: the kind of network."""
    from fundus_mtl.workflow import shared_items

    return {} if method is None else shared_items(bundle.evaluate_args, bundle.method_overlay(method))
