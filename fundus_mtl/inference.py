"""A folder of photographs, processed exactly as in a training."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.files import lasting_streams, printable


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
        ValueError: If the weights have no recipe, or the recipe of other weights.
        WorkflowError: If the run failed.
    """
    with lasting_streams():
        return _infer(folder, out, weights, overlays, vessels, options)


def _infer(
    folder: str | Path,
    out: str | Path,
    weights: str | Path | None,
    overlays: Sequence[str | Path],
    vessels: bool,
    options: Mapping[str, Any],
) -> int:
    found, options = _checked(folder, out, weights, vessels, options)
    from fundus_mtl.results import NothingUsableError
    from fundus_mtl.workflow import StrictWorkflow, WorkflowError, literal, paths_verbatim, trained_configs

    names, changes = trained_configs(found, "inference.yaml", overlays)
    if note := options.get("note", changes.get("note")):
        print(f"note on these weights: {printable(str(note))}", file=sys.stderr)
    workflow = StrictWorkflow(
        config_file=[str(name) for name in names],
        meta_file=str(names[0].with_name("metadata.json")),
        logging_file=str(names[0].with_name("logging.conf")),
        workflow_type="infer",
        **{**changes, "dataset_dir": literal(str(folder)), "results_dir": literal(str(out)), **paths_verbatim(options)},
    )
    workflow.initialize()
    try:
        workflow.run()
    except WorkflowError as error:
        if not isinstance(error.__cause__, NothingUsableError):
            raise
    workflow.finalize()
    return int(workflow.parser.get_parsed_content("results").exit_code)


def _checked(
    folder: str | Path, out: str | Path, weights: str | Path | None, vessels: bool, options: Mapping[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """Return the file of the weights and the options, after checks that need no import, which takes seconds.

    Raises:
        FileNotFoundError: If the folder or the weights do not exist.
        ValueError: If a folder has no name.
    """
    from fundus_mtl.workflow import own_weights, with_own_vessels

    for what, place in (("a folder of photographs", folder), ("a folder for the results", out)):
        if not str(place).strip():
            raise ValueError(f"expected {what}, but got an empty text; check the command line.")
    if not Path(folder).exists():
        raise FileNotFoundError(
            f"{printable(str(folder))}: expected a folder of photographs, but got none; check the path."
        )
    if vessels:
        options = with_own_vessels(options)
    if weights is None:
        print(_which(vessels, options), file=sys.stderr)
        return own_weights().first, own_weights().options(options)
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f"{printable(str(weights))}: expected weights of a training, but got no file; check the path."
        )
    return Path(weights), dict(options)


def _which(vessels: bool, options: Mapping[str, Any]) -> str:
    """Return what the package's own weights are used for, and what is left out."""
    found = "disc, cup, fovea, quality, arteries and veins" if vessels else "disc, cup, fovea and quality"
    missing = "" if options.get("vessel_weights") else "; arteries and veins only with --vessels"
    return f"weights: the package's own for {found} (--weights for others){missing}"
