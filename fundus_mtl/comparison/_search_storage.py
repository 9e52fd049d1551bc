"""What a search keeps in Optuna's storage."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._definition import Comparison, Search
from fundus_mtl.comparison._training_folder import OtherSettingsError

Values = dict[str, Any]
STUDY = "search"
SETTINGS = "settings"
ENDED = "ended"  # a trial that was stopped has no such attribute, and is made again


def search_folder(comparison: Comparison, method: str) -> Path:
    """Return the folder of a method's search: its storage, and a folder per trial."""
    return comparison.output_dir / method / "search"


def address(folder: Path) -> str:
    """Return the storage's address, as Optuna takes it."""
    return f"sqlite:///{storage_file(folder)}"


def storage_file(folder: Path) -> Path:
    """Return the storage's file."""
    return folder / "search.db"


def best(study: Any) -> Values | None:
    """Return the values of the best trial; None if none gave a number."""
    from optuna.trial import TrialState

    return dict(study.best_params) if any(trial.state == TrialState.COMPLETE for trial in study.trials) else None


def settings_of(search: Search) -> str:
    """Return what two searches must have in common for one to go on with the other."""
    return json.dumps({**asdict(search), "trials": None, "methods": None}, sort_keys=True, default=str)


def refuse_other(study: Any, search: Search) -> None:
    """Refuse to count trials of another search; more of them are welcome.

    Raises:
        OtherSettingsError: if the space, the metric, its direction, the epochs or the seed are not those of the study.
    """
    told = settings_of(search)
    if study.user_attrs.setdefault(SETTINGS, told) != told:
        raise OtherSettingsError(
            "search: expected the one that its folder began with, but got another; take another output_dir."
        )
    study.set_user_attr(SETTINGS, told)


def ended(study: Any) -> list[Any]:
    """Return the trials that came to their end, well or not."""
    return [trial for trial in study.trials if trial.state.is_finished() and ENDED in trial.user_attrs]


def forget_stopped(study: Any) -> None:
    """Queue the values of trials that an earlier process did not come to the end of."""
    from optuna.trial import TrialState

    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
