"""The content of Optuna's storage of a search."""

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
ENDED = "ended"  # a stopped trial does not have this attribute, and is repeated


def search_folder(comparison: Comparison, method: str) -> Path:
    """Return the folder of a method's search, with its storage and a folder per trial."""
    return comparison.output_dir / method / "search"


def address(folder: Path) -> str:
    """Return the address of the storage for Optuna."""
    return f"sqlite:///{storage_file(folder)}"


def storage_file(folder: Path) -> Path:
    """Return the file of the storage."""
    return folder / "search.db"


def best(study: Any) -> Values | None:
    """Return the values of the best trial; None if no trial has a finite score."""
    from optuna.trial import TrialState

    return dict(study.best_params) if any(trial.state == TrialState.COMPLETE for trial in study.trials) else None


def settings_of(search: Search) -> str:
    """Return the settings that must be equal for a search to be resumed; more trials may be added."""
    return json.dumps({**asdict(search), "trials": None, "methods": None}, sort_keys=True, default=str)


def refuse_other(study: Any, search: Search) -> None:
    """Raise an error if the storage belongs to a search with other settings.

    Raises:
        OtherSettingsError: if the space, the metric, its direction, the epochs or the seed are not those of the study.
    """
    settings = settings_of(search)
    if study.user_attrs.setdefault(SETTINGS, settings) != settings:
        raise OtherSettingsError(
            "search: expected the settings that its folder was made with, but got others; choose another output_dir."
        )
    study.set_user_attr(SETTINGS, settings)


def ended(study: Any) -> list[Any]:
    """Return the trials that ended, with or without success."""
    return [trial for trial in study.trials if trial.state.is_finished() and ENDED in trial.user_attrs]


def forget_stopped(study: Any) -> None:
    """Mark trials that were stopped as failed, and queue their values again."""
    from optuna.trial import TrialState

    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)
