"""A folder of photographs, processed exactly as in a training."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.files import check_creatable, lasting_streams, printable

if TYPE_CHECKING:
    from fundus_mtl.workflow import StrictWorkflow

_logger = logging.getLogger(__name__)
_LIST = ".csv"


def infer(
    folder: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    overlays: Sequence[str | Path] = (),
    vessels: bool = False,
    **options: Any,
) -> int:
    """Measure a folder of photographs, processed exactly as in the training of the weights.

    Args:
        folder: Folder of photographs, or a CSV file that lists them.
        out: Folder for the results.
        weights: Weights of a training, with ``recipe.json`` beside them; None for those that come with the package.
        overlays: Overlay files of the user's own that the training was given.
        vessels: Whether to find arteries and veins too, by the weights that come with the package.
        **options: Items of the bundle's ``common.yaml`` and ``inference.yaml``. Paths among them are taken as they are
            written, also if they start with ``$`` or ``@``.

    Returns:
        The exit status, see ``fundus_mtl.results.FolderResults.exit_code``.

    Raises:
        FileNotFoundError: If the folder or the weights do not exist.
        ValueError: If folder and output do not fit, the output cannot be created, or the weights have no recipe, or that of
            other weights.
        WorkflowError: If the run failed.
    """
    with lasting_streams():
        return _run(_workflow(folder, out, weights, overlays, vessels, options))


def planned(
    folder: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    overlays: Sequence[str | Path] = (),
    vessels: bool = False,
    **options: Any,
) -> list[str]:
    """Return what `infer` would do with the same arguments, as lines of text. Nothing is written or measured.

    All checks of `infer` that come before the first photograph are made, and all weights are loaded.

    Args:
        folder: See `infer`.
        out: See `infer`.
        weights: See `infer`.
        overlays: See `infer`.
        vessels: See `infer`.
        **options: See `infer`.

    Raises:
        FileNotFoundError: See `infer`.
        ValueError: See `infer`.
        WorkflowError: If an item of the configuration is refused.
    """
    with lasting_streams():
        workflow = _workflow(folder, out, weights, overlays, vessels, options)
        return [*workflow.part("results").plan(), *_skipped(workflow.part("items")), f"results would be in {out}"]


def _skipped(items: Any) -> list[str]:
    return [f"skipped: {number} {kind}" for kind, number in items.skipped.items()]


def _workflow(
    folder: str | Path,
    out: str | Path,
    weights: str | Path | None,
    overlays: Sequence[str | Path],
    vessels: bool,
    options: Mapping[str, Any],
) -> StrictWorkflow:
    """Return the workflow, initialized."""
    _check_places(folder, out)
    found, options = _weights(weights, vessels, options)
    from fundus_mtl.workflow import StrictWorkflow, literal, paths_verbatim, trained_configs

    names, changes = trained_configs(found, "inference.yaml", overlays)
    if note := options.get("note", changes.get("note")):
        _logger.warning("note on these weights: %s", printable(str(note)))
    workflow = StrictWorkflow(
        config_file=[str(name) for name in names],
        meta_file=str(names[0].with_name("metadata.json")),
        logging_file=str(names[0].with_name("logging.conf")),
        workflow_type="infer",
        **{**changes, "dataset_dir": literal(str(folder)), "results_dir": literal(str(out)), **paths_verbatim(options)},
    )
    workflow.initialize()
    return workflow


def _run(workflow: StrictWorkflow) -> int:
    from fundus_mtl.results import NothingUsableError
    from fundus_mtl.workflow import WorkflowError

    try:
        workflow.run()
    except WorkflowError as error:
        if not isinstance(error.__cause__, NothingUsableError):
            raise
    workflow.finalize()
    return int(workflow.part("results").exit_code)


def _check_places(folder: str | Path, out: str | Path) -> None:
    """Check folder and output before the imports, which take seconds.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If one has no name, the folder is neither a folder nor a list, or the output cannot be created.
    """
    for what, place in (("a folder of photographs", folder), ("a folder for the results", out)):
        if not str(place).strip():
            raise ValueError(f"expected {what}, but got an empty text; check the command line.")
    given, source = printable(str(folder)), Path(folder)
    if not source.exists():
        raise FileNotFoundError(f"{given}: expected a folder of photographs, but got none; check the path.")
    if not source.is_dir() and source.suffix.lower() != _LIST:
        raise ValueError(
            f"{given}: expected a folder of photographs or a {_LIST} file that lists them, but got another file; give the "
            "folder that it is in."
        )
    if source.resolve() == Path(out).resolve():
        raise ValueError(
            f"{given}: expected an output folder of its own, but got the folder of the photographs twice; choose another."
        )
    check_creatable(Path(out))


def _weights(weights: str | Path | None, vessels: bool, options: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Return the file of the weights and the options.

    Raises:
        FileNotFoundError: If the weights do not exist.
    """
    from fundus_mtl.workflow import own_weights, with_own_vessels

    if vessels:
        options = with_own_vessels(options)
    if weights is None:
        _logger.info(_which(vessels, options))
        return own_weights().first, own_weights().options(options)
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f"{printable(str(weights))}: expected weights of a training, but got no file; check the path."
        )
    return Path(weights), dict(options)


def _which(vessels: bool, options: Mapping[str, Any]) -> str:
    """Return what the package's own weights are used for, and what is left out."""
    usual = "disc, cup, fovea, quality"
    found = (
        f"{usual}, glaucoma (research score), arteries and veins"
        if vessels
        else f"{usual} and glaucoma (research score)"
    )
    missing = "" if options.get("vessel_weights") else "; arteries and veins only with --vessels"
    return f"weights: the package's own for {found} (--weights for others){missing}"
