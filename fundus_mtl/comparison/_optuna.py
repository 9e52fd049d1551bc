"""Choose option values for a method with Optuna: trials are trainings, and finished trials are not repeated.

Source: Akiba et al., Optuna, KDD 2019; its tree-structured Parzen estimator (TPE), with a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice, product
from math import isfinite, nan
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._definition import Search
from fundus_mtl.comparison._search_storage import (
    ENDED,
    SETTINGS,
    STUDY,
    Values,
    address,
    best,
    ended,
    forget_stopped,
    refuse_other,
    settings_of,
    storage_file,
)
from fundus_mtl.files import json_sha256

Score = Callable[[Values, Path], float | None]


def need_optuna() -> None:
    """Check that Optuna is installed.

    Raises:
        ModuleNotFoundError: if it is not; the message names the extra.
    """
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "search: expected the package optuna, but got none; install it with pip install 'fundus-mtl[search]'."
        ) from error


def choose(search: Search, folder: Path, score: Score) -> Values | None:
    """Return the values with the best score; None if no trial has a finite score.

    Args:
        search: settings of the search.
        folder: folder of the method's search, with Optuna's storage ``search.db`` and a folder per trial.
        score: function that trains with the given values in the given folder; returns None if that failed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=address(folder),
        study_name=STUDY,
        direction="maximize" if search.direction == "higher" else "minimize",
        load_if_exists=True,
    )
    refuse_other(study, search)
    forget_stopped(study)
    for values in grid(search):
        study.enqueue_trial(values, skip_if_exists=True)
    while len(finished := ended(study)) < search.trials:
        # The sampler restarts with the process; without a new seed per trial, a resumed search would repeat its draws.
        study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(finished))
        trial = study.ask()
        values = {name: suggest(trial, name, part) for name, part in search.space.items()}
        value = score(values, folder / values_digest(values))
        failed = value is None or not isfinite(value)
        trial.set_user_attr(ENDED, True)
        study.tell(trial, None if failed else value, state=optuna.trial.TrialState.FAIL if failed else None)
    return best(study)


def grid(search: Search) -> list[Values]:
    """Return the combinations of a space that has choices only, in order, at most one per trial; none for other spaces.

    TPE would draw some combinations twice and others never, and a figure over learning rates would have gaps.
    """
    if not all("choices" in part for part in search.space.values()):
        return []
    combinations = product(*(part["choices"] for part in search.space.values()))
    return [dict(zip(search.space, values, strict=True)) for values in islice(combinations, search.trials)]


def chosen(search: Search, folder: Path) -> Values | None:
    """Return the values that a finished search chose; None if it is unfinished, has no finite score, or other settings."""
    if _settings_in(folder) != settings_of(search):
        return None
    import optuna

    study = optuna.load_study(study_name=STUDY, storage=address(folder))
    return best(study) if len(ended(study)) >= search.trials else None


def is_other(search: Search, folder: Path) -> bool:
    """Return whether a folder holds a search with other settings, which `choose` refuses to resume."""
    return _settings_in(folder) not in (None, settings_of(search))


def _settings_in(folder: Path) -> str | None:
    if not storage_file(folder).is_file():  # Optuna would create one
        return None
    import optuna

    known = {study.study_name: study for study in optuna.get_all_study_summaries(address(folder))}
    return known[STUDY].user_attrs.get(SETTINGS) if STUDY in known else None


def trials_of(search: Search, folder: Path) -> list[Values]:
    """Return the trials of a search: options, metric (NaN for a failure) and state."""
    import optuna

    study = optuna.load_study(study_name=STUDY, storage=address(folder))
    return [
        {**trial.params, search.metric: nan if trial.value is None else trial.value, "state": trial.state.name}
        for trial in ended(study)
    ]


def suggest(trial: Any, name: str, part: Mapping[str, Any]) -> Any:
    """Draw one value: an integer if both bounds are integers, otherwise a float; or one of the choices."""
    if "choices" in part:
        return trial.suggest_categorical(name, list(part["choices"]))
    log, step = bool(part.get("log", False)), part.get("step")
    if all(isinstance(part[end], int) for end in ("low", "high")):
        return trial.suggest_int(name, part["low"], part["high"], step=step or 1, log=log)
    return trial.suggest_float(name, float(part["low"]), float(part["high"]), step=step, log=log)


def values_digest(values: Mapping[str, Any]) -> str:
    """Return a short name that depends only on the values."""
    return json_sha256(dict(values))[:10]
