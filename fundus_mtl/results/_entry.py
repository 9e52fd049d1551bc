"""One photograph in the journal: its rows, files and thumbnail, as an object and as a line of JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NoReturn

from fundus_mtl.results._column import Column, Value

Row = dict[str, Value]
STATES = ("ok", "ungradable", "failed")
_KEYS = {"row", "failure", "files", "thumbnail"}


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
        failure = None if self.failure is None else known(self.failure)
        record = {"row": known(self.row), "failure": failure, "files": self.files, "thumbnail": small}
        return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def of(cls, record: Any) -> Entry:
        """Return the entry of a line's JSON.

        Raises:
            ValueError: If it is no entry; the message says what was found instead.
        """
        if not isinstance(record, dict) or set(record) != _KEYS:
            raise ValueError("expected the keys row, failure, files and thumbnail, but got others")
        row, failure, files, small = (record[key] for key in ("row", "failure", "files", "thumbnail"))
        if not (is_row(row) and (failure is None or is_row(failure)) and isinstance(row.get("image_id"), str)):
            raise ValueError("expected a row with an image_id and one value per column, but got something else")
        if row.get("status") not in STATES:
            raise ValueError(f"expected the status {', '.join(STATES)}, but got {row.get('status')!r:.40}")
        if not (isinstance(files, list) and all(map(_is_inside, files))):
            raise ValueError("expected files inside the output folder, but got others")
        if not (small is None or isinstance(small, str)):
            raise ValueError("expected a thumbnail as base64, but got something else")
        return cls(row, failure, tuple(files), None if small is None else base64.b64decode(small, validate=True))

    def check_columns(self, columns: Iterable[Column], failure_columns: Iterable[Column]) -> None:
        """Check that the entry has no other columns than these.

        Raises:
            ValueError: If it has; the message names them.
        """
        names, failure_names = ({column.name for column in both} for both in (columns, failure_columns))
        if other := self.row.keys() - names | (self.failure or {}).keys() - failure_names:
            raise ValueError(f"expected columns of this run, but got {', '.join(sorted(other))!r:.80}")


def parsed(line: bytes) -> Any:
    """Return the JSON of a line.

    Raises:
        ValueError: If the line is incomplete, or not JSON.
    """
    if not line.endswith(b"\n"):
        raise ValueError("expected a whole line, but got a part")
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("expected an entry, but got nested brackets") from error


def known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for JSON: what could not be measured is None, numbers are Python's own, and all text is valid UTF-8."""
    return {name: _known(value.item() if hasattr(value, "item") else value) for name, value in row.items()}


def _known(value: Any) -> Any:
    if isinstance(value, str):  # an error message may quote a file name that is not UTF-8
        return value.encode("utf-8", "backslashreplace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def is_row(row: Any) -> bool:
    """Return whether a value is a row: a dictionary with one text, number or None per column."""
    return isinstance(row, dict) and all(
        value is None or isinstance(value, str | int | float) for value in row.values()
    )


def stays_inside(path: Any) -> bool:
    """Return whether a path, such as an image's id, is relative and does not lead out of its folder."""
    if not isinstance(path, str) or "\0" in path:
        return False
    parts = PurePosixPath(path).parts
    return bool(parts) and not PurePosixPath(path).is_absolute() and ".." not in parts


def _is_inside(file: Any) -> bool:
    return stays_inside(file) and len(PurePosixPath(file).parts) > 1


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"expected a number, but got {text}")
