"""One config file out of several, for programs that know MONAI's own workflow only."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from fundus_mtl.workflow._items import look_up, split

HANDLERS = ("train::handlers", "validate::handlers", "handlers")
_ALL = "$[each for each in @{}.values() if each is not None]"  # how a bundle's config makes a list of them
_AND = "$@{} + [each for each in [{}] if each is not None]"
_LISTED_IN_FULL = "train::handlers"  # MONAI's check of properties takes each of these for a config, not for a reference
# Folders of a bundle that lies on its own, as the bundles of MONAI's model zoo write them.
_FOLDERS = {"bundle_root": ".", "ckpt_dir": "$@bundle_root + '/models'", "output_dir": "$@bundle_root + '/eval'"}
_SHARED = ("mlflow_run", "artifacts", "shared")


def stand_alone(config: dict[str, Any]) -> dict[str, Any]:
    """Return a merged config that needs neither other files nor `StrictWorkflow`.

    Folders are those of the bundle, handlers are lists, and results are resumed only where the configuration that made
    them is known, which is where `StrictWorkflow` runs it.

    Args:
        config: Merged config of a bundle.
    """
    flat = deepcopy(config) | {item: value for item, value in _FOLDERS.items() if item in config}
    if "resume" in flat and "merged_config" in flat:
        flat["resume"] = "$@merged_config is not None"
    artifacts = look_up(flat, list(_SHARED[:-1]))
    if isinstance(artifacts, dict):
        artifacts.pop(_SHARED[-1], None)
    for item_id in HANDLERS:
        flat = _with_list(flat, item_id)
    return flat


def _with_list(config: dict[str, Any], item_id: str) -> dict[str, Any]:
    """Return the config with handlers by name turned into a list, and references to them adapted.

    Handlers of the training that are references, such as ``@best_model``, go after the list.
    """
    parts = split(item_id)
    named = look_up(config, parts)
    if not isinstance(named, dict):
        return config
    kept = {name: handler for name, handler in named.items() if handler is not None}
    after = {name: handler for name, handler in kept.items() if isinstance(handler, str)}
    if item_id != _LISTED_IN_FULL:
        after = {}
    listed = {name: handler for name, handler in kept.items() if name not in after}
    look_up(config, parts[:-1])[parts[-1]] = list(listed.values())
    places = {name: f"@{item_id}::{position}" for position, name in enumerate(listed)} | after
    together = _AND.format(item_id, ", ".join(after.values())) if after else f"@{item_id}"
    reference = re.compile(rf"@{item_id}::(\w+)")

    def adapted(text: str) -> str:
        if text == _ALL.format(item_id):
            return together
        return reference.sub(lambda found: places.get(found[1], found[0]), text)

    changed: dict[str, Any] = map_texts(config, adapted)
    return changed


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a config with every text in it changed; keys stay as they are."""
    if isinstance(value, dict):
        return {key: map_texts(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [map_texts(part, change) for part in value]
    return change(value) if isinstance(value, str) else value
