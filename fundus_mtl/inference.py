"""A folder of photographs, measured as a training would look at them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


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
        The exit status, see ``fundus_mtl.results.FolderResults.exit_code``.

    Raises:
        FileNotFoundError: if no weights are given and none come with the package.
        ValueError: if the weights have no recipe, or not theirs.
        WorkflowError: if the run went wrong.
    """
    from fundus_mtl.results import NothingUsableError
    from fundus_mtl.workflow import StrictWorkflow, WorkflowError, own_weights, trained_configs

    names, changes = trained_configs(own_weights() if weights is None else weights, "inference.yaml", overlays)
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
