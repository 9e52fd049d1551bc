"""One photograph in the journal: its rows, files and thumbnail, as an object and as a line of JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fundus_mtl.results._column import Value

Row = dict[str, Value]


@dataclass(frozen=True)
class Entry:
    """What the journal has of a photograph.

    Args:
        row: Row of ``results.csv``; unknown values are None.
        failure: Row of ``failures.csv``; None if the photograph did not fail.
        files: Paths of its pictures, relative to the output folder.
        thumbnail: Small JPEG of its overlay; None if there is none.
    """

    row: Row
    failure: Row | None = None
    files: tuple[str, ...] = ()
    thumbnail: bytes | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Id of the photograph."""
        return str(self.row["image_id"])

    @property
    def overlay(self) -> str | None:
        """Path of its overlay, relative to the output folder; None if there is none."""
        return next((file for file in self.files if file.startswith("overlays/")), None)

    def line(self) -> str:
        """Return the entry as JSON."""
        small = None if self.thumbnail is None else base64.b64encode(self.thumbnail).decode("ascii")
        record = {"row": known(self.row), "failure": self.failure, "files": self.files, "thumbnail": small}
        return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def of(cls, line: bytes) -> Entry:
        """Read an entry.

        Raises:
            ValueError: If the line is incomplete, or not an entry.
        """
        record = json.loads(line)
        if not (isinstance(record, dict) and isinstance(record.get("row"), dict) and "image_id" in record["row"]):
            raise ValueError("journal: expected an entry with a row, but got something else.")
        small = record["thumbnail"]
        thumbnail = None if small is None else base64.b64decode(small, validate=True)
        return cls(record["row"], record["failure"], tuple(record["files"]), thumbnail)


def known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for JSON: what could not be measured is None, and numbers are Python's own."""
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in plain.items()
    }
