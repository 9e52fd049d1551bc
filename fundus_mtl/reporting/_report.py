"""The report of a folder: one HTML file that needs nothing else and reaches for no network."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from statistics import median
from string import Template
from typing import Any
from urllib.parse import quote

from fundus_mtl.reporting._histogram import histogram_svg
from fundus_mtl.reporting._provenance import DISCLAIMER
from fundus_mtl.reporting._table import Value, cell

MAX_THUMBNAILS = 2000  # about 12 MB; a browser copes with no more
NUMBERS = (("vcdr", 2), ("disc_height_px", 0), ("disc_fovea_dist_dd", 2), ("glaucoma_prob", 3))  # and their decimals


def render_report(rows: Sequence[Mapping[str, Value]], thumbnails: Mapping[str, bytes], run: Mapping[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        rows: of ``results.csv``.
        thumbnails: JPEG bytes by ``image_id``; a row without one gets a plain link.
        run: the run's record, as in ``run.json``.
    """
    ratios = [float(row["vcdr"]) for row in rows if isinstance(row.get("vcdr"), float) and math.isfinite(row["vcdr"])]  # type: ignore[arg-type]
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
        median_vcdr=f"{median(ratios):.2f}" if ratios else "–",
        histogram=histogram_svg(ratios) or "<p class='empty'>No ratio was measured.</p>",
        rows="\n".join(_row(row, thumbnails.get(str(row["image_id"]))) for row in rows),
    )


def _note(run: Mapping[str, Any]) -> str:
    """Say that a run did not come to its end."""
    if run.get("state") != "stopped":
        return ""
    return f"<p class='stopped'>This run was stopped before its end: {escape(str(run.get('reason', '')))}</p>"


def _row(row: Mapping[str, Value], thumbnail: bytes | None) -> str:
    """Return a row of the table; what a file is called is text, never HTML."""
    name, status = str(row["image_id"]), str(row["status"])
    state = "flagged" if row.get("flags") else status
    texts = [_name(row), f"<span class='badge {state}'>{state}</span>"]
    cells = [_picture(name, thumbnail) if status == "ok" else "", *texts]
    keys: list[Value] = [None, name, state]
    for column, decimals in NUMBERS:
        value = row.get(column)
        keys.append(value)
        cells.append(f"{value:.{decimals}f}" if cell(value) and not isinstance(value, str) else "")
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
