"""An item of a running configuration, built once more with a few other values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._merge import merge_overrides

SNAPSHOT = "merged_config"
"""Item that `StrictWorkflow` fills with the merged configuration."""


def part_of(config: str | None, part: str, **options: Any) -> Any:
    """Build an item anew, so that what the user set reaches it: a mirrored view is the same but for the mirror.

    Args:
        config: JSON text, as ``StrictWorkflow`` fills it in as ``merged_config``. Values that were given as objects, by
            Python only, are not in it: name them among the options.
        part: id of what to build.
        **options: items of the configuration, changed first.

    Returns:
        What the item becomes; nothing is shared with what the running configuration has built.

    Raises:
        RefusedError: if an option is no item of it.
    """
    if config is None:
        raise RefusedError(
            f"{part}: expected the merged configuration, but got none; add --workflow_name "
            "fundus_mtl.workflow.StrictWorkflow, which fills it in."
        )
    content = json.loads(config) | {SNAPSHOT: config}  # parts may refer to the text itself
    merge_overrides(content, options, [Path("this configuration")], None)
    return ConfigParser(content).get_parsed_content(part)
