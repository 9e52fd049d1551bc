"""A list of photographs that also knows what was left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class PhotographList(list[dict[str, Any]]):
    """The items of a folder or a list of photographs.

    Args:
        items: ``{"id", "image"}``, with ``error`` where an entry cannot be a photograph.
        skipped: number of files that are no photographs, by kind (``".txt"``, ``"hidden"``), without their names.
    """

    def __init__(self, items: Iterable[dict[str, Any]] = (), skipped: Mapping[str, int] | None = None) -> None:
        super().__init__(items)
        self.skipped = dict(skipped or {})
