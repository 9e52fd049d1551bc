"""One photograph in the report, and which of its numbers are shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from fundus_mtl.results._csv_table import Value, cell
from fundus_mtl.results._entry import Entry


class Number(NamedTuple):
    """A column that the report shows."""

    column: str
    decimals: int
    heading: str
    unit: str = ""


class Histogram(NamedTuple):
    """A column that stands above the table as a picture."""

    column: str
    title: str
    plural: str
    highest: float


class Shown(NamedTuple):
    """What a report is about: the histograms above its table, and the numbers in it."""

    histograms: tuple[Histogram, ...]
    numbers: tuple[Number, ...]


DISCS = Shown(
    (
        Histogram("vcdr", "Vertical cup-to-disc ratio (vCDR)", "vertical cup-to-disc ratios", 1.0),
        Histogram("glaucoma_prob", "Glaucoma score (research)", "glaucoma scores", 1.0),
    ),
    (
        Number("vcdr", 2, "vCDR"),
        Number("disc_height_px", 0, "Disc height", "px"),
        Number("disc_fovea_dist_dd", 2, "Disc to fovea", "disc diameters"),
        Number("glaucoma_prob", 3, "Glaucoma score", "research"),
    ),
)
VESSELS = Shown(
    (
        Histogram("vessel_density", "Vessel density, share of the field of view", "vessel densities", 0.2),
        Histogram("artery_density", "Artery density, share of the field of view", "artery densities", 0.2),
    ),
    (
        Number("vessel_density", 3, "vessel density"),
        Number("artery_density", 3, "Artery density"),
        Number("vein_density", 3, "Vein density"),
        Number("fractal_dimension_vessel", 2, "Fractal dimension", "of the vessels"),
    ),
)


def report_row(entry: Entry, numbers: Sequence[Number], with_picture: bool = True) -> str:
    """Return a row of the table; what a file is called is text, never HTML.

    Args:
        entry: of the photograph.
        numbers: to show.
        with_picture: whether its thumbnail, if there is one, is part of the report; else there is a plain link.
    """
    row = entry.row
    name, status = str(row["image_id"]), str(row["status"])
    state = "flagged" if status == "ok" and row.get("flags") else status
    texts = [_name(row), f"<span class='badge {state}'>{state}</span>"]
    cells = [_picture(name, entry.overlay, entry.thumbnail if with_picture else None), *texts]
    keys: list[Value] = [None, name, state]
    for number in numbers:
        value = row.get(number.column)
        keys.append(value)
        cells.append(f"{value:.{number.decimals}f}" if cell(value) and not isinstance(value, str) else "")
    eye = str(row.get("laterality") or "")
    told = "" if row.get("flags") else str(row.get("status_reason") or "")  # the flags say the same
    notes = "".join(f"<span class='flag'>{escape(flag.replace('_', ' '))}</span>" for flag in _flags(row))
    cells += [escape(eye if eye != "unknown" else ""), f"{notes}<div class='reason'>{escape(told)}</div>"]
    keys += [eye, str(row.get("flags") or told)]
    inner = "".join(f'<td data-key="{escape(_key(key))}">{text}</td>' for key, text in zip(keys, cells, strict=True))
    return f'<tr data-status="{escape(status)}" data-flagged="{int(state == "flagged")}">{inner}</tr>'


def _key(value: Value) -> str:
    """Return what a column is sorted by: text as it is, for the apostrophe of a CSV cell means nothing here."""
    return value if isinstance(value, str) else cell(value)


def _flags(row: Mapping[str, Value]) -> list[str]:
    return [flag for flag in str(row.get("flags") or "").split(";") if flag]


def _name(row: Mapping[str, Value]) -> str:
    size = f"{row['width_px']} × {row['height_px']} px" if row.get("width_px") else ""
    folder, slash, file = str(row["image_id"]).rpartition("/")
    shown = f"<div class='size'>{escape(folder + slash)}</div><div class='name'>{escape(file)}</div>"
    return f"{shown}<div class='size'>{size}</div>"


def _picture(name: str, overlay: str | None, thumbnail: bytes | None) -> str:
    """Return a link to the overlay beside the report, showing the thumbnail if there is one; nothing without an overlay."""
    if overlay is None:
        return ""
    shown = "overlay"
    if thumbnail is not None:
        data = base64.b64encode(thumbnail).decode("ascii")
        shown = (
            f'<img loading="lazy" decoding="async" alt="overlay of {escape(name)}" src="data:image/jpeg;base64,{data}">'
        )
    return f'<a href="{escape(quote(overlay))}" target="_blank" rel="noopener">{shown}</a>'
