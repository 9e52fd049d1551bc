"""The report of a folder: one HTML file that needs nothing else and reaches for no network."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from statistics import median
from string import Template
from typing import Any, NamedTuple
from urllib.parse import quote

from fundus_mtl.reporting._histogram import histogram_svg
from fundus_mtl.reporting._provenance import DISCLAIMER
from fundus_mtl.reporting._table import Value, cell
from fundus_mtl.reporting._vessels import asked

MAX_THUMBNAILS = 2000  # about 12 MB; a browser copes with no more


class Number(NamedTuple):
    """A column that the report shows."""

    column: str
    decimals: int
    heading: str
    unit: str = ""


class Shown(NamedTuple):
    """What a report is about: the numbers of its table; the first one's histogram stands above it."""

    title: str
    plural: str
    highest: float
    numbers: tuple[Number, ...]


DISCS = Shown(
    "Vertical cup-to-disc ratio (vCDR)",
    "vertical cup-to-disc ratios",
    1.0,
    (
        Number("vcdr", 2, "vCDR"),
        Number("disc_height_px", 0, "Disc height", "px"),
        Number("disc_fovea_dist_dd", 2, "Disc to fovea", "disc diameters"),
        Number("glaucoma_prob", 3, "Glaucoma score", "research, uncalibrated"),
    ),
)
VESSELS = Shown(
    "Vessel density, share of the field of view",
    "vessel densities",
    0.2,
    (
        Number("vessel_density", 3, "vessel density"),
        Number("artery_density", 3, "Artery density"),
        Number("vein_density", 3, "Vein density"),
        Number("fractal_dimension_vessel", 2, "Fractal dimension", "of the vessels"),
    ),
)


def render_report(rows: Sequence[Mapping[str, Value]], thumbnails: Mapping[str, bytes], run: Mapping[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        rows: of ``results.csv``.
        thumbnails: JPEG bytes by ``image_id``; a row without one gets a plain link.
        run: the run's record, as in ``run.json``.
    """
    shown = VESSELS if asked(run["tasks"]) and run["tasks"].get("disc") is None else DISCS
    first = shown.numbers[0]
    values = [value for row in rows if isinstance(value := row.get(first.column), float) and math.isfinite(value)]
    template = files("fundus_mtl.reporting").joinpath("report.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        disclaimer=escape(DISCLAIMER),
        model=escape(run["model"]["id"]),
        model_sha256=escape(run["model"]["sha256"]),
        config_sha256=escape(run["config_sha256"]),
        version=escape(run["software_version"]),
        finished=escape(str(run.get("finished_utc", ""))[:16].replace("T", " ")),
        note=_note(run),
        total=len(rows),
        ok=run["counts"]["ok"],
        failed=run["counts"]["failed"],
        flagged=sum(bool(row.get("flags")) for row in rows),
        median=f"{median(values):.{first.decimals}f}" if values else "–",
        first=escape(first.heading),
        title=escape(shown.title),
        histogram=histogram_svg(values, shown.plural, shown.highest) or "<p class='empty'>None was measured.</p>",
        headings="\n".join(map(_heading, shown.numbers)),
        rows="\n".join(_row(row, thumbnails.get(str(row["image_id"])), shown.numbers) for row in rows),
    )


def _heading(number: Number) -> str:
    unit = f"<small>{escape(number.unit)}</small>" if number.unit else ""
    return f"  <th><button>{escape(number.heading)}</button>{unit}</th>"


def _note(run: Mapping[str, Any]) -> str:
    """Say that a run did not come to its end."""
    if run.get("state") != "stopped":
        return ""
    return f"<p class='stopped'>This run was stopped before its end: {escape(str(run.get('reason', '')))}</p>"


def _row(row: Mapping[str, Value], thumbnail: bytes | None, numbers: Sequence[Number]) -> str:
    """Return a row of the table; what a file is called is text, never HTML."""
    name, status = str(row["image_id"]), str(row["status"])
    state = "flagged" if row.get("flags") else status
    texts = [_name(row), f"<span class='badge {state}'>{state}</span>"]
    cells = [_picture(name, thumbnail) if status == "ok" else "", *texts]
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
    return f'<tr data-status="{escape(status)}" data-flagged="{int(bool(row.get("flags")))}">{inner}</tr>'


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


def _picture(name: str, thumbnail: bytes | None) -> str:
    """Return a link to the overlay beside the report, showing the thumbnail if there is one."""
    shown = "overlay"
    if thumbnail is not None:
        data = base64.b64encode(thumbnail).decode("ascii")
        shown = f'<img alt="overlay of {escape(name)}" src="data:image/jpeg;base64,{data}">'
    return f'<a href="{escape(quote(f"overlays/{name}.jpg"))}" target="_blank" rel="noopener">{shown}</a>'
