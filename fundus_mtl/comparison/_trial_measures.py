"""What the trials of a search measured besides the metric of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._definition import Comparison, Search
from fundus_mtl.comparison._optuna import values_digest
from fundus_mtl.comparison._search_storage import search_folder

if TYPE_CHECKING:
    import pandas as pd

    from fundus_mtl.comparison._parent_run import ComparisonRun

RATE = "lr"  # the option of the learning rate
_MEASURES = ("val/", "train/loss")


def measured_trials(
    comparison: Comparison, trials: Sequence[Mapping[str, Any]], parent_run: ComparisonRun
) -> pd.DataFrame:
    """Return the trials as rows, with the validation metrics and training losses of each trial's best epoch."""
    import pandas as pd

    return pd.DataFrame([{**_measures(comparison, trial, parent_run), **trial} for trial in trials])


def measures_of(search: Search, trials: pd.DataFrame) -> list[str]:
    """Return the columns of `measured_trials` that are measures, without the search's own metric."""
    options = {search.metric, *search.space}
    return [name for name in map(str, trials) if name.startswith(_MEASURES) and name not in options]


def _measures(comparison: Comparison, trial: Mapping[str, Any], parent_run: ComparisonRun) -> dict[str, float]:
    """Return the last known value of each measure at the epoch with the trial's metric."""
    search = comparison.search
    if search is None or trial["state"] != "COMPLETE":
        return {}
    values = {name: trial[name] for name in search.space}
    run = parent_run.of_folder(search_folder(comparison, trial["method"]) / values_digest(values))
    if run is None:
        return {}
    history = parent_run.history(run.info.run_id, search.metric)
    best = next((step for step, value in history if value == trial[search.metric]), None)
    if best is None:
        return {}
    names = [name for name in run.data.metrics if name.startswith(_MEASURES) and name != search.metric]
    return {name: _last(parent_run.history(run.info.run_id, name), best) for name in names}


def _last(history: Sequence[tuple[int, float]], step: int) -> float:
    known = [value for when, value in history if when <= step]
    return known[-1] if known else nan
