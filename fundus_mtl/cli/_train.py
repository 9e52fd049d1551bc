"""The verb ``fundus-mtl train``."""

from __future__ import annotations

import argparse
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
from fundus_mtl.cli._verb import add_verb

if TYPE_CHECKING:
    from fundus_mtl.workflow import Bundle

_ABOUT = """Train a bundle's network with a method: what `python -m monai.bundle run --args_file
BUNDLE/configs/args.yaml` does, with the same messages. The weights and the recipe are written to models in output_dir, the
run is logged to MLflow. Exit status: 0 done, 1 failed, 2 refused (the last line says why), 130 stopped."""
_EXAMPLES = """
fundus-mtl train digits_mtl --method pcgrad                    # no data needed
fundus-mtl train refuge_mtl --method mtl_io dataset_dir=data/refuge
fundus-mtl train refuge_mtl --overlay robust max_epochs=30 size=160 network_def::width=16
fundus-mtl train my_bundles/eyes --method joint resume_from=latest
"""


def add_train(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(
        verbs,
        "train",
        run_train,
        "train a bundle with a method",
        _ABOUT,
        _EXAMPLES,
        if_stopped="add resume_from=latest to the same command to resume.",
    )
    method = "multi-task method, such as joint, pcgrad or mt_cool; default: that of the bundle"
    parser.add_argument("--method", metavar="METHOD", help=method)
    add_bundle_arguments(parser)


def run_train(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        bundle = named_bundle(given)
        overlays = _overlays(bundle, given)
        changes = key_values(given)
        check_keys(changes)
    workflow = run_args_file(bundle.train_args, overlays, changes)
    if folder := item_of(workflow, "output_dir"):
        given.output.info(f"results are in {folder}, the weights in {item_of(workflow, 'ckpt_dir')}")
    return DONE


def _overlays(bundle: Bundle, given: argparse.Namespace) -> list[Path]:
    """Return the recipes, then the method's overlay, or those that the bundle's args file names for its own method."""
    recipes = named_overlays(bundle, given.overlay)
    if given.method is not None:
        return [*recipes, bundle.method_overlay(given.method)]
    return [*recipes, *bundle.default_overlays()] if recipes else []
