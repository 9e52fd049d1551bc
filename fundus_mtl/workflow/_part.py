"""An item of a running configuration, built again with a few other values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from fundus_mtl.workflow._device import with_device
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._merge import merge_overrides
from fundus_mtl.workflow._verbatim import keep_text

SNAPSHOT = "merged_config"
"""Item that `StrictWorkflow` fills with the merged configuration."""


def part_of(config: str | None, part: str, **options: Any) -> Any:
    """Build an item again with the user's settings: a mirrored view differs from the first one by the mirror only.

    Args:
        config: JSON text, as ``StrictWorkflow`` fills it in as ``merged_config``. Values that Python code gave as
            objects are not in it: pass them as options.
        part: Id of what to build.
        **options: Items of the configuration to change first.

    Returns:
        The object that the item describes. It shares nothing with what the running configuration has built.

    Raises:
        RefusedError: If an option is no item of the configuration, or there is no text.
    """
    if config is None:
        raise RefusedError(
            f"{part}: expected the merged configuration, but got none; add --workflow_name "
            "fundus_mtl.workflow.StrictWorkflow, which fills it in."
        )
    content = json.loads(config) | {SNAPSHOT: config}  # parts may refer to the text itself
    merge_overrides(content, options, [Path("this configuration")], None)
    return ConfigParser(keep_text(with_device(content))).get_parsed_content(part)


def as_text(config: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """Return a merged configuration as JSON text in which MONAI's parser sees no reference, macro or separator.

    Args:
        config: Merged configuration.
        without: Top-level items to leave out; the text itself is left out in any case.
    """
    known = {key: value for key, value in config.items() if key not in {*without, SNAPSHOT}}
    text = json.dumps(known, default=lambda thing: type(thing).__name__)
    for sign in "@%#":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
