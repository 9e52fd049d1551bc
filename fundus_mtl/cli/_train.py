"""The verb ``fundus-mtl train``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
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
from fundus_mtl.cli._endings import DONE, FAILED, refusing
from fundus_mtl.cli._key_values import key_values
from fundus_mtl.cli._output import shown_folder
from fundus_mtl.cli._parser import positive
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
fundus-mtl train refuge_mtl --processes 2                      # on two GPUs, or two cores
fundus-mtl train my_bundles/eyes --method joint resume_from=latest
"""

_RANK = "RANK"  # variable of a process of a distributed training, see `run_ranks` and torchrun


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
    parser.add_argument(
        "--processes",
        type=positive,
        default=1,
        metavar="N",
        help="processes on this machine, one per GPU where there are GPUs; batch_size is per process; default: 1",
    )
    add_bundle_arguments(parser)


def run_train(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    with refusing(ValueError, OSError):
        bundle = named_bundle(given)
        overlays = _overlays(bundle, given)
        changes = key_values(given)
        check_keys(changes)
        args_file = _args_file(bundle, given.processes)
    if given.processes > 1 and _RANK not in os.environ:
        return _run_processes(given)
    workflow = run_args_file(args_file, overlays, changes)
    if os.environ.get(_RANK, "0") != "0":
        return DONE
    if folder := item_of(workflow, "output_dir"):
        weights = shown_folder(str(item_of(workflow, "ckpt_dir")))
        given.output.info(f"results are in {shown_folder(folder)}, the weights in {weights}")
    return DONE


def _args_file(bundle: Bundle, processes: int) -> Path:
    """Return the args file of the training.

    Raises:
        FileNotFoundError: If the bundle has none for several processes.
    """
    if processes == 1:
        return bundle.train_args
    if not bundle.ranks_args.is_file():
        raise FileNotFoundError(
            f"--processes: expected a bundle with configs/{bundle.ranks_args.name}, but got {bundle.root.name} without it; "
            "add it as in the bundles of the package."
        )
    return bundle.ranks_args


def _run_processes(given: argparse.Namespace) -> int:
    """Run this command in several processes; return the exit status."""
    from fundus_mtl.processes import run_ranks

    statuses = run_ranks([sys.executable, "-m", "fundus_mtl.cli", *given.command_line], given.processes)
    if not any(statuses):
        return DONE
    if killed := [(rank, -status) for rank, status in enumerate(statuses) if status < 0 and -status != signal.SIGTERM]:
        rank, number = killed[0]
        given.output.error(
            f"expected {given.processes} processes, but signal {number} ended process {rank + 1}; the others were stopped. "
            "Add resume_from=latest to the same command to resume after the last epoch."
        )
        return FAILED
    return next(status for status in statuses if status > 0) if max(statuses) > 0 else FAILED


def _overlays(bundle: Bundle, given: argparse.Namespace) -> list[Path]:
    """Return the recipes, then the method's overlay, or those that the bundle's args file names for its own method."""
    recipes = named_overlays(bundle, given.overlay)
    if given.method is not None:
        return [*recipes, bundle.method_overlay(given.method)]
    return [*recipes, *bundle.default_overlays()] if recipes else []
