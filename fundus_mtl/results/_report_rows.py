"""One photograph in the report, as plain data for the template, which escapes everything."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from fundus_mtl.results._column import Shown, Value
from fundus_mtl.results._csv_table import cell
from fundus_mtl.results._entry import Entry


class ReportRow(NamedTuple):
    """A row of the report's table.

    Args:
        name: Id of the photograph.
        status: Status of its row.
        state: Status, or ``flagged`` for one that is ok and has flags.
        link: Link to the overlay beside the report; empty without one.
        thumbnail: Address of its small picture, which may contain the picture; empty for a plain link.
        folder: First part of the name, with a slash at its end.
        file: Last part of the name.
        size: Width and height.
        numbers: What to sort by, and what to show, of each number.
        eye: ``R``, ``L``, ``unknown`` or empty.
        flags: Flags in words.
        reason: Reason of the status; empty where the flags say the same.
        notes: What to sort the last column by.
    """

    name: str
    status: str
    state: str
    link: str
    thumbnail: str
    folder: str
    file: str
    size: str
    numbers: list[tuple[str, str]]
    eye: str
    flags: list[str]
    reason: str
    notes: str

    @property
    def flagged(self) -> int:
        """1 if the photograph is ok and has flags, else 0."""
        return int(self.state == "flagged")


def report_row(entry: Entry, shown: Sequence[Shown], thumbnail: str | None = None) -> ReportRow:
    """Return a row of the table.

    Args:
        entry: Entry of the photograph.
        shown: Numbers to show.
        thumbnail: Path of its thumbnail, if it has one; None for a thumbnail that is part of the report.
    """
    row = entry.row
    name, status, flags = (str(row.get(key) or "") for key in ("image_id", "status", "flags"))
    folder, slash, file = name.rpartition("/")
    reason = "" if flags else str(row.get("status_reason") or "")
    return ReportRow(
        name=name,
        status=status,
        state="flagged" if status == "ok" and flags else status,
        link="" if entry.overlay is None else quote(entry.overlay),
        thumbnail=_address(entry.thumbnail, thumbnail),
        folder=folder + slash,
        file=file,
        size=f"{row['width_px']} × {row['height_px']} px" if row.get("width_px") else "",
        numbers=[_number(row.get(number.column), number.decimals) for number in shown],
        eye=str(row.get("laterality") or ""),
        flags=[flag.replace("_", " ") for flag in flags.split(";") if flag],
        reason=reason,
        notes=flags or reason,
    )


def _address(picture: bytes | None, path: str | None) -> str:
    if picture is None:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}" if path is None else path


def _number(value: Value, decimals: int) -> tuple[str, str]:
    """Return what to sort by, and what to show; text is sorted as it is and not shown."""
    if isinstance(value, str):
        return value, ""
    return cell(value), f"{value:.{decimals}f}" if cell(value) else ""
