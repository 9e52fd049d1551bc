"""Look up items of a config by id, and suggest ids for a misspelt one."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from fundus_mtl.workflow._signature import parameters

SEPARATOR = "::"
MISSING = object()


def split(item_id: str) -> list[str]:
    """Return the parts of an id in either notation, ``a::b`` or ``a#b``."""
    return item_id.replace("#", SEPARATOR).split(SEPARATOR)


def look_up(config: Any, parts: list[str]) -> Any:
    """Return an item of the config, or ``MISSING``."""
    for part in parts:
        config = child(config, part)
    return config


def child(config: Any, part: str) -> Any:
    """Return one level further, or ``MISSING``."""
    if isinstance(config, dict):
        return config.get(part, MISSING)
    if isinstance(config, list) and part.isdigit() and int(part) < len(config):
        return config[int(part)]
    return MISSING


def may_have(parent: Any, key: str) -> bool:
    """Whether a config item has the key, or its ``_target_`` takes it."""
    if child(parent, key) is not MISSING:
        return True
    known = parameters(parent)
    return known is None or key in known


def suggestions(config: Any, parts: list[str]) -> list[str]:
    """Return up to three ids that a misspelt one may have meant, the likeliest first.

    Args:
        config: Merged config.
        parts: Parts of the id; at least one of them is wrong.

    Returns:
        Ids in ``::`` notation, with the wrong part corrected; or else items elsewhere with the same or a similar last
        part.
    """
    corrected = [item_id for item_id in _corrected(config, parts, []) if item_id != SEPARATOR.join(parts)]
    if corrected:
        return corrected[:3]
    paths = list(_paths(config, []))
    alike = get_close_matches(parts[-1], {path[-1] for path in paths}, n=1, cutoff=0.8)
    return [SEPARATOR.join(path) for path in sorted(paths, key=len) if path[-1] in alike][:3]


def _corrected(config: Any, parts: list[str], before: list[str]) -> list[str]:
    if not parts:
        return [SEPARATOR.join(before)]
    found = []
    for name in _close_names(config, parts[0]):
        below = child(config, name)
        if below is not MISSING or not parts[1:]:
            found += _corrected(below, parts[1:], [*before, name])
    return found


def _close_names(config: Any, part: str) -> list[str]:
    if isinstance(config, str) and config.startswith("@"):
        return []
    if child(config, part) is not MISSING:
        return [part]
    keys = {str(key) for key in config} if isinstance(config, dict) else set()
    names = keys | (parameters(config) or set())
    return [part] if part in names else get_close_matches(part, sorted(names), n=3)


def _paths(config: Any, before: list[str]) -> Iterator[list[str]]:
    entries = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in entries:
        path = [*before, str(key)]
        if isinstance(key, str) and not key.startswith("_"):
            yield path
        yield from _paths(value, path)
