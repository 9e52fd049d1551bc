"""Merge config files and overrides, and refuse what has no place in the config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS

from fundus_mtl.files import yaml_text
from fundus_mtl.workflow._choices import check_choices
from fundus_mtl.workflow._config_items import AFTER
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import MISSING, SEPARATOR, child, look_up, may_have, split, suggestions
from fundus_mtl.workflow._order import take_order
from fundus_mtl.workflow._ranges import check_ranges
from fundus_mtl.workflow._values import check_kind, check_numbers

MERGE = "+"


def merge_files(files: Sequence[Path], overlays: Sequence[Path]) -> dict[str, Any]:
    """Return the merged config.

    Args:
        files: Config files of a bundle in order; keys with a path (``train::trainer::amp``) must fit what came before.
        overlays: Overlays in order. Their new top-level items must be referred to if they look like misspelt old ones.

    Raises:
        RefusedError: If a file comes before one that it names in ``_after_``, a key has no place in the config, or a number
            is out of its range.
    """
    config: dict[str, Any] = {}
    names = _shown(files)
    for file in [*files, *overlays]:
        content = load(file)
        take_order(content, file, [*files, *overlays], "overlay" if file in overlays else "config_file")
        new = [key for key in content if file in overlays and key not in config and len(split(key)) == 1]
        _put_all(config, content, file, names)
        _check_new_items(config, new, file)
    check_numbers(config)
    check_ranges(config)
    return config


def merge_more(config: dict[str, Any], files: Sequence[Path]) -> None:
    """Merge further files into a merged config, in place; whatever their ``_after_`` names.

    Args:
        config: Config of `merge_files`.
        files: Files in order; their new items are allowed at the top.

    Raises:
        RefusedError: If a key with a path has no place in the config.
    """
    names = _shown(files)
    for file in files:
        content = {key: value for key, value in load(file).items() if key != AFTER}
        _put_all(config, content, file, names)


def load(file: Path) -> dict[str, Any]:
    """Return the content of a config file.

    Raises:
        RefusedError: If it is no dictionary.
    """
    try:
        yaml_text(file)
    except ValueError as error:
        raise RefusedError(f"{file}: {error}") from error
    content = ConfigParser.load_config_file(file) or {}
    if not isinstance(content, dict):
        raise RefusedError(f"{file}: expected a dictionary of items, but got a {type(content).__name__}.")
    return content


def merge_overrides(
    config: dict[str, Any], override: Mapping[str, Any], files: Sequence[Path], tracking: Any
) -> dict[str, Any]:
    """Merge overrides into the config, in place.

    Args:
        config: Config of `merge_files`.
        override: Values by id, in either notation; ``+id`` extends a list or a dictionary.
        files: Files of the config, for the message.
        tracking: MONAI's option, which adds items.

    Returns:
        The overrides for MONAI, whole values in ``::`` notation.

    Raises:
        RefusedError: If an override has no place in the config, or a number is out of its range.
    """
    names = _shown(files)
    settings = DEFAULT_EXP_MGMT_SETTINGS.get(tracking, {}) if isinstance(tracking, str) else tracking or {}
    merged = {}
    for key, value in sorted(override.items(), key=_wholes_first):
        parts = split(key.removeprefix(MERGE))
        item_id = SEPARATOR.join(parts)
        if parts[0] != ConfigParser.meta_key and item_id not in settings.get("configs", {}):
            current = look_up(config, parts)
            if not key.startswith(MERGE) and current is not MISSING:
                check_kind(f"--{key}", value, current)
            _put(config, key, value, f"--{key}", names, new=False)
            value = look_up(config, parts)
        merged[item_id] = value
    check_ranges(config)
    check_choices(config)
    return merged


def _put_all(config: dict[str, Any], content: Mapping[str, Any], file: Path, names: str) -> None:
    for key, value in sorted(content.items(), key=_wholes_first):
        _put(config, key, value, f"{_shown([file])}: {key}", names)


def _put(config: dict[str, Any], key: str, value: Any, label: str, files: str, new: bool = True) -> None:
    """Set or extend one item; ``new`` allows a top-level one that does not exist yet."""
    parts = split(key.removeprefix(MERGE))
    parent = look_up(config, parts[:-1])
    if not (new and len(parts) == 1) and (parent is MISSING or not may_have(parent, parts[-1])):
        _refuse(config, parts, label, files)
    if not key.startswith(MERGE):
        parent[int(parts[-1]) if isinstance(parent, list) else parts[-1]] = value
        return
    current = child(parent, parts[-1])
    if isinstance(current, dict) and isinstance(value, dict):
        current.update(deepcopy(value))
    elif isinstance(current, list) and isinstance(value, list):
        current.extend(deepcopy(value))
    elif current is MISSING:
        _refuse(config, parts, label, files)
    else:
        kinds = type(current).__name__, type(value).__name__
        raise RefusedError(f"{label}: + expects two lists or two dictionaries, but got a {kinds[0]} and a {kinds[1]}.")


def _refuse(config: dict[str, Any], parts: list[str], label: str, files: str) -> None:
    for depth in range(1, len(parts)):
        found = look_up(config, parts[:depth])
        if isinstance(found, str) and found.startswith("@"):
            here, there = SEPARATOR.join(parts[:depth]), SEPARATOR.join([found[1:], *parts[depth:]])
            raise RefusedError(f"{label}: {here} is a reference; did you mean {there}?")
    meant = suggestions(config, parts)
    advice = f"did you mean {', '.join(meant)}?" if meant else ""
    if not label.startswith("--"):
        advice = advice or "a method's overlay belongs to training only: leave it out here."
    raise RefusedError(f"{label}: no such item in {files}" + (f"; {advice}" if advice else ""))


def _shown(files: Sequence[Path]) -> str:
    """Return the names of files for a message: relative paths as they are, absolute ones, which are long, by their name."""
    return ", ".join(dict.fromkeys(file.name if file.is_absolute() else str(file) for file in files))


def _check_new_items(config: dict[str, Any], new: Sequence[str], file: Path) -> None:
    """Refuse new top-level items that nothing refers to and that look like an old one."""
    referred = {split(found)[0] for found in re.findall(r"[@%]([\w:#]+)", str(config))}
    for key in new:
        close = get_close_matches(key, [item for item in config if item not in new], n=3, cutoff=0.8)
        if key not in referred and close:
            raise RefusedError(
                f"{_shown([file])}: {key}: nothing refers to this new item; did you mean {', '.join(close)}?"
            )


def _wholes_first(entry: tuple[str, Any]) -> tuple[int, bool]:
    """Sort whole items before parts, and a ``_target_`` before its parameters, which are checked against it."""
    parts = split(entry[0])
    return min(len(parts), 2), parts[-1] != "_target_"
