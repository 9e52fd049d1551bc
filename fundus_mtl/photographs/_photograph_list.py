"""A list of photographs that also knows what was left out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class PhotographList(list[dict[str, Any]]):
    """The items of a folder or a list of photographs.

    Args:
        items: ``{"id", "image"}``, with ``error`` where an entry cannot be a photograph.
        skipped: number of files that are no photographs, by kind (``".txt"``, ``"hidden"``), without their names.
        shard: ``number``, ``of`` and ``photographs`` of all shards together, if this is a shard; otherwise empty.
    """

    def __init__(
        self,
        items: Iterable[dict[str, Any]] = (),
        skipped: Mapping[str, int] | None = None,
        shard: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(items)
        self.skipped = dict(skipped or {})
        self.shard = dict(shard or {})

    def part(self, shard: str) -> PhotographList:
        """Return one of several shards of the list: consecutive items, as many in each shard or one more.

        Args:
            shard: Number of the shard and number of shards, such as ``2/8``; from 1.

        Raises:
            ValueError: If it is another text, or there are fewer photographs than shards.
        """
        if (found := _SHARD.fullmatch(shard)) is None or not 1 <= (number := int(found[1])) <= (of := int(found[2])):
            raise ValueError(f"shard: expected a number and how many there are, such as 2/8, but got {shard!r}.")
        if of > len(self):
            raise ValueError(
                f"shard: expected at most a shard per photograph, {len(self)}, but got {of}; make fewer shards."
            )
        items = self[(number - 1) * len(self) // of : number * len(self) // of]
        return PhotographList(items, self.skipped, {"number": number, "of": of, "photographs": len(self)})
