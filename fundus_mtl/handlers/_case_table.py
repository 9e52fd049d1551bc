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


class CaseTable:
    """Measure every sample of an evaluation; at the end, write the rows and their summary, and log the summary.

    The files are ``per_case.csv``, ``summary.csv`` and ``summary.md``. A sample that cannot be measured (``ValueError``)
    gives a warning and a row with its ``id`` and the reason in ``note``; so does a sample that is passed to `fail`. After
    the run, the results are in `rows`, `failures`, `summary` (a data frame) and `metrics` (a dictionary without NaN). Not
    for distributed evaluation.

    Args:
        measure: function from a sample of ``engine.state.output``, a list of dictionaries after postprocessing, to a row.
        output_dir: output folder; created if it does not exist.
        summarise: function from the data frame of all rows to one with ``metric, value, low, high, n, unit`` and optionally
            further columns.
        prefix: prefix of the keys of `metrics`, as in ``test_disc_dice``.
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
        self.failures.append({"id": str(item["id"]), "note": f"not evaluated ({stage}): {exception}"})

    def collect(self, engine: Engine) -> None:
        """Measure the samples of a batch.

        Raises:
            TypeError: if the output is not a list of samples.
        """
        self.rows += [self._row(sample) for sample in samples(engine)]

    def _row(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the measurements of a sample, or a row with the reason why it cannot be measured."""
        try:
            return self.measure(sample)
        except ValueError as error:
            logger.warning("%s: not measured: %s", sample["id"], error)
            return {"id": str(sample["id"]), "note": f"not measured: {error}"}

    def write(self) -> None:
        """Write the files and log the summary."""
        import pandas as pd

        table = pd.DataFrame(self.rows + self.failures)
        self.summary = self.summarise(table)
        numbers = zip(self.summary["metric"], self.summary["value"], strict=True)
        self.metrics = {f"{self.prefix}_{metric}": float(value) for metric, value in numbers if isfinite(value)}
        text = self._text()
        write_whole(self.output_dir / "per_case.csv", csv_text(table))
        write_whole(self.output_dir / "summary.csv", csv_text(self.summary))
        write_whole(self.output_dir / "summary.md", text)
        logger.info("%s cases, tables in %s\n%s", len(self.rows), self.output_dir.name, text)

    def _text(self) -> str:
        """Return the summary as a Markdown table under its note."""
        assert self.summary is not None
        heading = f"{self.note}\n\n" if self.note else ""
        return (
            f"{heading}{summary_table(self.summary)}\n\nBrackets: bootstrap interval over cases. Research use only.\n"
        )


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
    lines, without = [], []
    for row in summary.to_dict("records"):
        if not isfinite(row["value"]):
            without.append(f"{row['metric']} ({row.get('note', '')})" if row["n"] else str(row["metric"]))
            continue
        interval = f"[{row['low']:.3f}, {row['high']:.3f}]" if isfinite(row["low"]) else ""
        lines.append([row["metric"], f"{row['value']:.3f}", interval, str(row["n"]), row["unit"], row.get("note", "")])
    table = markdown_table(["metric", "value", "interval", "n", "unit", "note"], lines)
    return table + (f"\n\nWithout a value: {', '.join(without)}." if without else "")
