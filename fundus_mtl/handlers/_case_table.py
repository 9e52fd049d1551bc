"""One row per case and a summary, collected during an evaluation and written at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ignite.engine import Engine, Events

from fundus_mtl.files import csv_text, markdown_table, write_whole
from fundus_mtl.metrics import summarise as summarise_refuge

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
_HEADING = ("metric", "value", "interval", "n", "unit", "note")


class CaseTable:
    """Measure every sample of an evaluation; at the end, write the rows and their summary, and log the summary.

    The files are ``per_case.csv``, ``summary.csv`` and ``summary.md``. If the samples have a ``source``, the rows have it
    too, and if there are several sources, ``summary_by_source.csv`` and a second table in ``summary.md`` summarise each
    one by itself. A sample that cannot be measured (``ValueError``)
    gives a warning and a row with its ``id`` and the reason in ``note``; so does a sample that is passed to `fail`. After
    the run, the results are in `rows`, `failures`, `summary` (a data frame) and `metrics` (a dictionary without NaN). Not
    for distributed evaluation.

    Args:
        measure: function from a sample of ``engine.state.output``, a list of dictionaries after postprocessing, to a row.
        output_dir: output folder; created if it does not exist.
        summarise: function from the data frame of all rows to one with ``metric, value, low, high, n, unit`` and optionally
            further columns.
        prefix: group of the keys of `metrics`, as in ``test/disc_dice``.
        note: text above the summary, such as a description of the data.
    """

    def __init__(
        self,
        measure: Callable[[Mapping[str, Any]], dict[str, Any]],
        output_dir: str | Path,
        summarise: Callable[[pd.DataFrame], pd.DataFrame] = summarise_refuge,
        prefix: str = "test",
        note: str | None = None,
    ) -> None:
        self.measure = measure
        self.output_dir = Path(output_dir)
        self.summarise = summarise
        self.prefix = prefix
        self.note = note
        self.rows: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.summary: pd.DataFrame | None = None
        self.metrics: dict[str, float] = {}

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        """Discard the results of an earlier run."""
        self.rows, self.failures, self.summary, self.metrics = [], [], None, {}

    def fail(self, item: Mapping[str, Any], stage: str, exception: BaseException) -> None:
        """Add a row without measurements for a photograph that cannot be read or prepared; called by ``FolderSamples``."""
        logger.warning("%s: not evaluated (%s): %s", item["id"], stage, exception)
        self.failures.append({"id": str(item["id"]), "note": f"not evaluated ({stage}): {exception}"} | _source(item))

    def collect(self, engine: Engine) -> None:
        """Measure the samples of a batch.

        Raises:
            TypeError: if the output is not a list of samples.
        """
        self.rows += [self._row(sample) for sample in samples(engine)]

    def _row(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the measurements of a sample, or a row with the reason why it cannot be measured."""
        try:
            row = self.measure(sample)
        except ValueError as error:
            logger.warning("%s: not measured: %s", sample["id"], error)
            row = {"id": str(sample["id"]), "note": f"not measured: {error}"}
        return row | _source(sample)

    def write(self) -> None:
        """Write the files and log the summary."""
        import pandas as pd

        table = pd.DataFrame(self.rows + self.failures)
        self.summary = self.summarise(table)
        numbers = zip(self.summary["metric"], self.summary["value"], strict=True)
        self.metrics = {f"{self.prefix}/{metric}": float(value) for metric, value in numbers if isfinite(value)}
        by_source = summary_by_source(table, self.summarise)
        text = self._text(by_source)
        write_whole(self.output_dir / "per_case.csv", csv_text(table))
        write_whole(self.output_dir / "summary.csv", csv_text(self.summary))
        if by_source is not None:
            write_whole(self.output_dir / "summary_by_source.csv", csv_text(by_source))
        write_whole(self.output_dir / "summary.md", text)
        logger.info("%s cases, tables in %s\n%s", len(self.rows), self.output_dir.name, text)

    def _text(self, by_source: pd.DataFrame | None) -> str:
        """Return the summary as a Markdown table under its note, and below it that of each source."""
        assert self.summary is not None
        heading = f"{self.note}\n\n" if self.note else ""
        second = "" if by_source is None else f"\n\n{source_table(by_source)}"
        footing = "Brackets: bootstrap interval over cases. Research use only."
        return f"{heading}{summary_table(self.summary)}{second}\n\n{footing}\n"


def _source(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the data set that a sample comes from, if it is known."""
    return {"source": str(item["source"])} if item.get("source") is not None else {}


def summary_by_source(table: pd.DataFrame, summarise: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame | None:
    """Summarise the rows of each source by itself.

    Returns:
        The summaries below each other, preceded by a column ``source``, without measures that no case of the source
        has. None if there are fewer than two sources.
    """
    import pandas as pd

    if "source" not in table or table["source"].nunique() < 2:
        return None
    parts = []
    for source, rows in table.groupby("source"):
        part = summarise(rows)
        parts.append(part[part["n"] > 0].assign(source=source))
    whole = pd.concat(parts, ignore_index=True)
    return whole[["source", *(name for name in whole.columns if name != "source")]]


def samples(engine: Engine) -> list[Mapping[str, Any]]:
    """Return the postprocessed samples of the current iteration.

    Raises:
        TypeError: if the output is not a list.
    """
    output = engine.state.output
    if not isinstance(output, list):
        raise TypeError(
            f"engine.state.output: expected a list of samples, but got {type(output).__name__}; keep decollate=True."
        )
    return output


def summary_table(summary: pd.DataFrame) -> str:
    """Return the metrics with a value as an aligned Markdown table, followed by the names of the others."""
    rows = summary.to_dict("records")
    without = [
        f"{row['metric']} ({row.get('note', '')})" if row["n"] else str(row["metric"])
        for row in rows
        if not isfinite(row["value"])
    ]
    lines = [_cells(row) for row in rows if isfinite(row["value"])]
    return markdown_table(_HEADING, lines) + (f"\n\nWithout a value: {', '.join(without)}." if without else "")


def source_table(summary: pd.DataFrame) -> str:
    """Return the metrics of each source that have a value as an aligned Markdown table."""
    rows = [row for row in summary.to_dict("records") if isfinite(row["value"])]
    return markdown_table(("source", *_HEADING), [[str(row["source"]), *_cells(row)] for row in rows])


def _cells(row: Mapping[Any, Any]) -> list[str]:
    """Return the cells of a line of the summary."""
    interval = f"[{row['low']:.3f}, {row['high']:.3f}]" if isfinite(row["low"]) else ""
    return [row["metric"], f"{row['value']:.3f}", interval, str(row["n"]), row["unit"], row.get("note", "")]
