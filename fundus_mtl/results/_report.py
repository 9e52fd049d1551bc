"""The report of a folder: one HTML file that needs nothing else and reaches for no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from statistics import median
from string import Template
from typing import Any, NamedTuple

from fundus_mtl.notices import DISCLAIMER
from fundus_mtl.results._csv_table import Value
from fundus_mtl.results._entry import Entry
from fundus_mtl.results._report_row import DISCS, VESSELS, Histogram, Number, Shown, report_row
from fundus_mtl.results._vessel_findings import asked

MAX_THUMBNAILS = 2000  # about 12 MB; a browser copes with no more


def render_report(rows: Sequence[Mapping[str, Value]], thumbnails: Mapping[str, bytes], run: Mapping[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        rows: of ``results.csv``; those that did not fail have an overlay.
        thumbnails: JPEG bytes by ``image_id``; a row without one gets a plain link.
        run: the run's record, as in ``run.json``.
    """

    def entry(row: Mapping[str, Value]) -> Entry:
        name = str(row["image_id"])
        files = () if row["status"] == "failed" else (f"overlays/{name}.jpg",)
        return Entry(dict(row), files=files, thumbnail=thumbnails.get(name))

    return "".join(report_pieces(lambda: map(entry, rows), run))


def report_pieces(entries: Callable[[], Iterable[Entry]], run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report as HTML, a photograph at a time, so that its pictures need not be held in memory.

    Args:
        entries: what gives the photographs, from the first on at each call.
        run: the run's record, as in ``run.json``.
    """
    shown = VESSELS if asked(run["tasks"]) and run["tasks"].get("disc") is None else DISCS
    before, after = _template("report.html").split("$rows")
    texts = _texts(_overview(entries(), shown), shown, run) | {"viewer": _template("report_viewer.html")}
    yield Template(before).substitute(texts)
    for index, entry in enumerate(entries()):
        yield report_row(entry, shown.numbers, index < MAX_THUMBNAILS) + "\n"
    yield Template(after).substitute(texts)


def _template(name: str) -> str:
    return files("fundus_mtl.results").joinpath(name).read_text(encoding="utf-8")


class _Overview(NamedTuple):
    """What stands above the table."""

    total: int
    flagged: int
    values: list[list[float]]  # of each histogram


def _overview(entries: Iterable[Entry], shown: Shown) -> _Overview:
    total = flagged = 0
    values: list[list[float]] = [[] for _ in shown.histograms]
    for entry in entries:
        total += 1
        flagged += entry.row["status"] == "ok" and bool(entry.row.get("flags"))
        for found, histogram in zip(values, shown.histograms, strict=True):
            value = entry.row.get(histogram.column)
            if isinstance(value, float) and math.isfinite(value):
                found.append(value)
    return _Overview(total, flagged, values)


def _texts(seen: _Overview, shown: Shown, run: Mapping[str, Any]) -> dict[str, Any]:
    first, values = shown.numbers[0], seen.values[0]
    return {
        "disclaimer": escape(DISCLAIMER),
        "model": escape(run["model"]["id"]),
        "model_sha256": escape(run["model"]["sha256"]),
        "config_sha256": escape(run["config_sha256"]),
        "version": escape(run["software_version"]),
        "finished": escape(str(run.get("finished_utc", ""))[:16].replace("T", " ")),
        "note": _note(run),
        "total": seen.total,
        "ok": run["counts"]["ok"],
        "ungradable": run["counts"].get("ungradable", 0),
        "failed": run["counts"]["failed"],
        "flagged": seen.flagged,
        "median": f"{median(values):.{first.decimals}f}" if values else "–",
        "first": escape(first.heading),
        "histograms": "\n".join(map(_panel, shown.histograms, seen.values)),
        "headings": "\n".join(map(_heading, shown.numbers)),
    }


def _panel(histogram: Histogram, values: Sequence[float]) -> str:
    drawn = histogram_svg(values, histogram.plural, histogram.highest) or "<p class='empty'>None was measured.</p>"
    return f'  <div class="panel"><h2>{escape(histogram.title)}</h2>{drawn}</div>'


def _heading(number: Number) -> str:
    unit = f"<small>{escape(number.unit)}</small>" if number.unit else ""
    return f"  <th><button>{escape(number.heading)}</button>{unit}</th>"


def _note(run: Mapping[str, Any]) -> str:
    """Say that a run did not come to its end."""
    if run.get("state") != "stopped":
        return ""
    return f"<p class='stopped'>This run was stopped before its end: {escape(str(run.get('reason', '')))}</p>"


BINS = 20
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 460, 150, 14, 16, 24


def histogram_svg(values: Sequence[float], what: str = "vertical cup-to-disc ratios", highest: float = 1.0) -> str:
    """Return an SVG histogram of numbers from 0 on, in twenty bins; the last takes the highest and what is above it.

    Args:
        values: without NaN; an empty sequence gives an empty string.
        what: they are, for those who cannot see it.
        highest: right end of the axis.
    """
    if not values:
        return ""
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, int(value / highest * BINS)))] += 1
    bars = "".join(_bar(index, count, max(counts), highest) for index, count in enumerate(counts) if count)
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{_x(i * BINS / 10):.1f}" y="{HEIGHT - 7}">{i / 10 * highest:.{1 if highest >= 1 else 2}f}</text>'
        for i in range(0, 11, 2)
    )
    axis = f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{base}" y2="{base}"/>'
    label = f"Histogram of {len(values)} {what}"
    return f'<svg class="hist" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{bars}{axis}{ticks}</svg>'


def _x(bins: float) -> float:
    return LEFT + bins * (WIDTH - 2 * LEFT) / BINS


def _bar(index: int, count: int, most: int, highest: float) -> str:
    height = count / most * (HEIGHT - TOP - BOTTOM)
    x, y, width = _x(index) + 1, HEIGHT - BOTTOM - height, _x(1) - _x(0) - 2
    tip = f"<title>{index / BINS * highest:.2f} to {(index + 1) / BINS * highest:.2f}: {count}</title>"
    number = f'<text x="{x + width / 2:.1f}" y="{y - 4:.1f}">{count}</text>'
    return f'<g><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"/>{tip}{number}</g>'
