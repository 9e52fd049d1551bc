"""What ``train`` and ``evaluate`` share: a bundle, its overlays and its args file, run as the stock command runs them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.cli._key_values import add_key_values
from fundus_mtl.workflow import presentation

if TYPE_CHECKING:
    from fundus_mtl.workflow import Bundle

_GIVEN_OTHERWISE = frozenset({"args_file", "overlay"})


def add_bundle_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a bundle and change its configuration."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="name of a bundle of the package, or path of a bundle's folder"
    )
    parser.add_argument(
        "--overlay",
        action="append",
        default=[],
        metavar="FILE",
        help="configuration file that comes after the bundle's own: a path, or the name of one of the bundle's recipes; "
        "may be repeated, later files win",
    )
    add_key_values(parser, "item of the configuration, such as lr or network_def::width")


def named_bundle(given: argparse.Namespace) -> Bundle:
    """Return the bundle that was named.

    Raises:
        FileNotFoundError: If there is no such bundle.
    """
    from fundus_mtl.workflow import find_bundle

    return find_bundle(given.bundle, Path())


def named_overlays(bundle: Bundle, names: Sequence[str]) -> list[Path]:
    """Return the overlay files that were named; a file that exists is taken before one of the bundle.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one of them is a method's.
    """
    found = [Path(name).absolute() if Path(name).is_file() else bundle.overlay(name) for name in names]
    for path in found:
        if path.resolve().parent == bundle.methods.resolve():
            raise ValueError(f"--overlay: expected a recipe, but got a method's overlay; write --method {path.stem}.")
    return found


def check_keys(changes: dict[str, Any]) -> None:
    """Refuse items that are arguments of the stock command.

    Raises:
        ValueError: Naming the item.
    """
    for key in sorted(_GIVEN_OTHERWISE & set(changes)):
        raise ValueError(f"{key}: expected an item of the configuration, but got an argument; give it as an option.")


def run_args_file(
    args_file: Path, overlays: Sequence[Path], changes: dict[str, Any], check: Callable[[Any], None] = lambda _: None
) -> Any:
    """Run a bundle's args file: what ``python -m monai.bundle run --args_file …`` does.

    Args:
        args_file: The args file.
        overlays: Overlays, in order.
        changes: Values by item of the configuration.
        check: Called with the workflow before it runs.

    Returns:
        The workflow, which has run.

    Raises:
        SystemExit: A `WorkflowError` after one printed line if something went wrong, or with the status of the run.
    """
    from monai.bundle import create_workflow

    presentation().set_loggers()  # again: MONAI has made its own by now
    workflow = create_workflow(args_file=str(args_file), overlay=[str(path) for path in overlays] or None, **changes)
    check(workflow)
    workflow.run()
    workflow.finalize()
    return workflow


def item_of(workflow: Any, item: str) -> str | None:
    """Return an item of a workflow's configuration as text; None if it has none, as a workflow of your own may."""
    parser = getattr(workflow, "parser", None)
    return str(parser.get_parsed_content(item)) if parser is not None and item in parser else None
