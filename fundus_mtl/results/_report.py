"""The report of a folder: one HTML file that needs no other file and no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from fundus_mtl.notices import DISCLAIMER
from fundus_mtl.results._column import Shown, Value
from fundus_mtl.results._entry import Entry
from fundus_mtl.results._picture_paths import thumbnail_path
from fundus_mtl.results._report_histogram import histogram_plot
from fundus_mtl.results._report_rows import report_row
from fundus_mtl.results._report_templates import template

MAX_EMBEDDED = 500  # thumbnails inside the report, about 4 MB; where there are more, all are files beside it
PAGE = 100  # rows that are shown at a time


def render_report(
    rows: Sequence[Mapping[str, Value]],
    thumbnails: Mapping[str, bytes],
    run: Mapping[str, Any],
    shown: Sequence[Shown],
) -> str:
    """Return the report as HTML.

    Args:
        rows: Rows of ``results.csv``; those that did not fail have an overlay.
        thumbnails: JPEG bytes by ``image_id``; a row without one gets a plain link.
        run: Record of the run, as in ``run.json``.
        shown: Columns that the report shows, see `Layout.shown`.
    """

    def entry(row: Mapping[str, Value]) -> Entry:
        name = str(row["image_id"])
        files = () if row["status"] == "failed" else (f"overlays/{name}.jpg",)
        return Entry(dict(row), files=files, thumbnail=thumbnails.get(name))

    return "".join(report_pieces(lambda: map(entry, rows), run, shown))


def report_pieces(
    entries: Callable[[], Iterable[Entry]], run: Mapping[str, Any], shown: Sequence[Shown], outside: bool = False
) -> Iterator[str]:
    """Yield the report as HTML, one photograph at a time, so that its pictures need not be held in memory.

    Args:
        entries: Returns the photographs, from the first on at each call.
        run: Record of the run, as in ``run.json``.
        shown: Columns that the report shows.
        outside: Whether the thumbnails are files, see `thumbnail_path`, and not part of the report.
    """
    rows = (
        report_row(entry, shown, thumbnail_path(number) if outside else None) for number, entry in enumerate(entries())
    )
    facts = {**_summary(entries(), shown), **_about(run)}
    yield from template("report.html").generate(rows=rows, shown=shown, page=PAGE, **facts)


class _Panel(NamedTuple):
    """A histogram above the table; without values there is no plot."""

    title: str
    plot: dict[str, Any] | None


def _summary(entries: Iterable[Entry], shown: Sequence[Shown]) -> dict[str, Any]:
    """Return what stands above the table and needs all rows."""
    total = flagged = 0
    drawn = [number for number in shown if number.histogram is not None]
    values: dict[str, list[float]] = {number.column: [] for number in (*shown[:1], *drawn)}
    for entry in entries:
        total += 1
        flagged += entry.row["status"] == "ok" and bool(entry.row.get("flags"))
        for column, found in values.items():
            value = entry.row.get(column)
            if isinstance(value, float) and math.isfinite(value):
                found.append(value)
    panels = [
        _Panel(histogram.title, histogram_plot(values[number.column], histogram.plural, histogram.highest))
        for number in drawn
        if (histogram := number.histogram) is not None
    ]
    first = shown[0] if shown else None
    known = values[first.column] if first is not None else []
    return {
        "total": total,
        "flagged": flagged,
        "panels": panels,
        "median": f"{median(known):.{first.decimals}f}" if first is not None and known else "–",
        "first": "" if first is None else first.heading,
    }


def _about(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report's facts about the run."""
    return {
        "disclaimer": DISCLAIMER,
        "model": run["model"]["id"],
        "cards": run.get("cards", []),
        "model_sha256": run["model"]["sha256"],
        "config_sha256": run["config_sha256"],
        "version": run["software_version"],
        "finished": str(run.get("finished_utc", ""))[:16].replace("T", " "),
        "unanswered": dict(run.get("unanswered", {})),
        "stopped": str(run.get("reason", "")) if run.get("state") == "stopped" else None,
        "ok": run["counts"]["ok"],
        "ungradable": run["counts"].get("ungradable", 0),
        "failed": run["counts"]["failed"],
        "skipped": sum(run.get("skipped", {}).values()),
    }
