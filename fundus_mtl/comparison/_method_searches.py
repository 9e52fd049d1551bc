"""The searches of a comparison: one per method; each trial is a training with its own MLflow run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fundus_mtl.comparison._data_note import check_data
from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._optuna import choose, chosen, is_other, trials_of
from fundus_mtl.comparison._parent_run import ComparisonRun
from fundus_mtl.comparison._plan import search_training
from fundus_mtl.comparison._search_storage import Values, search_folder
from fundus_mtl.comparison._training import Training
from fundus_mtl.comparison._training_folder import DONE_FILE


class MethodSearches:
    """Choose option values for each method by the validation metric, on the first fold and seed.

    Args:
        comparison: comparison; without ``search``, no method is searched.
        parent_run: access to the metrics of the trials.
        train: function that runs one training.
    """

    def __init__(self, comparison: Comparison, parent_run: ComparisonRun, train: Callable[[Training], Outcome]) -> None:
        self.comparison, self.parent_run, self.train = comparison, parent_run, train

    @property
    def methods(self) -> list[str]:
        """Names of the methods that are searched."""
        return searched_methods(self.comparison)

    def choose(self, name: str) -> Values | None:
        """Return the best values for a method; None if no trial has a finite metric.

        Raises:
            OtherDataError: if trials used data that have changed since.
        """
        assert self.comparison.search is not None
        for done in sorted(search_folder(self.comparison, name).glob(f"*/{DONE_FILE}")):
            check_data(done.parent, f"{name}: search")
        return choose(
            self.comparison.search, search_folder(self.comparison, name), lambda *trial: self._score(name, *trial)
        )

    def trials(self) -> list[Values]:
        """Return all trials as rows."""
        search = self.comparison.search
        who = {"fold": self.comparison.folds[0], "seed": self.comparison.seeds[0]}
        return [
            {"method": name, **who, **trial}
            for name in self.methods
            for trial in (trials_of(search, search_folder(self.comparison, name)) if search else ())
        ]

    def _score(self, name: str, values: Values, folder: Path) -> float | None:
        """Return the best value of the metric over a trial's validations."""
        search = self.comparison.search
        assert search is not None
        method = next(method for method in self.comparison.methods if method.name == name)
        if self.train(search_training(self.comparison, method, values, folder)).status != "finished":
            return None
        run = self.parent_run.of_folder(folder)
        history = [] if run is None else self.parent_run.history(run.info.run_id, search.metric)
        known = [value for _, value in history if value == value]
        return (max if search.direction == "higher" else min)(known, default=None)


def searched_methods(comparison: Comparison) -> list[str]:
    """Return the names of the methods that are searched; the single-task method is not."""
    search = comparison.search
    if search is None:
        return []
    names = [method.name for method in comparison.methods if method.name != comparison.single_task]
    return [name for name in names if name in (search.methods or names)]


def known_choices(comparison: Comparison) -> dict[str, Values]:
    """Return the values that finished searches chose, by method, without running anything."""
    search = comparison.search
    found = {
        name: chosen(search, search_folder(comparison, name)) if search else None
        for name in searched_methods(comparison)
    }
    return {name: values for name, values in found.items() if values is not None}


def other_searches(comparison: Comparison) -> list[str]:
    """Return the methods whose folder holds a search with other settings."""
    search = comparison.search
    return [
        name for name in searched_methods(comparison) if search and is_other(search, search_folder(comparison, name))
    ]
