"""The record of a run that is to be joined with others: that it has what a joined record and report need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fundus_mtl.results._column import Shown
from fundus_mtl.results._entry import STATES
from fundus_mtl.results._exported import plain_folders

_KINDS = {
    "software_version": str,
    "config_sha256": str,
    "model": dict,
    "cards": list,
    "unanswered": dict,
    "folders": list,
    "shown": list,
    "options": dict,
    "skipped": dict,
    "counts": dict,
    "started_utc": str,
    "finished_utc": str,
}
_PLACE = ("number", "of", "photographs")
_MAX_SHARDS = 999_999  # as for ``--shard``


def is_whole(record: Mapping[str, Any]) -> bool:
    """Return whether the ``run.json`` of a finished run has all that is needed, each of the right kind."""
    if not all(isinstance(record.get(key), kind) for key, kind in _KINDS.items()):
        return False
    place = record["options"].get("shard") or dict.fromkeys(_PLACE, 1)
    if not isinstance(place, dict) or {*place} != {*_PLACE} or {*record["counts"]} != {*STATES}:
        return False
    numbers = [*place.values(), *record["counts"].values(), *record["skipped"].values()]
    if not all(type(number) is int and number >= 0 for number in numbers) or not 1 <= place["of"] <= _MAX_SHARDS:
        return False
    return _has_plain_folders(record) and {"id", "sha256"} <= {*record["model"]} and _is_shown(record["shown"])


def _has_plain_folders(record: Mapping[str, Any]) -> bool:
    return len(plain_folders(record["folders"])) == len(record["folders"])


def _is_shown(columns: list[Any]) -> bool:
    try:
        return all(isinstance(Shown.of(column).column, str) for column in columns)
    except (KeyError, TypeError):
        return False
