"""Choose options for a method by Optuna: trials are trainings, and what is done already is not repeated.

Source: Akiba et al., Optuna, KDD 2019; its tree-structured Parzen estimator (TPE), with a seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import isfinite, nan
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._config import Search

Values = dict[str, Any]
_STUDY = "search"
_SETTINGS = "settings"
_ENDED = "ended"  # a trial that was stopped has no such attribute, and is made again
Score = Callable[[Values, Path], float | None]


def need_optuna() -> None:
    """Check that Optuna is installed.

    Raises:
        ModuleNotFoundError: with the name of the extra.
    """
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "search: expected Optuna, but got no such package; install it with pip install 'fundus-mtl[search]'."
        ) from error


def choose(search: Search, folder: Path, score: Score) -> Values | None:
    """Return the values that did best; None if no trial gave a number.

    Args:
        search: what to try.
        folder: of the method's search: Optuna's storage ``search.db``, and a folder per trial.
        score: trains with the values in the folder of the trial; None if that failed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=_address(folder),
        study_name=_STUDY,
        direction="maximize" if search.direction == "higher" else "minimize",
        load_if_exists=True,
    )
    _refuse_other(study, search)
    _forget_stopped(study)
    while len(finished := _ended(study)) < search.trials:
        # A sampler's draws begin anew with its process: another seed after every trial, or a resumed search repeats them.
        study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(finished))
        trial = study.ask()
        values = {name: suggest(trial, name, part) for name, part in search.space.items()}
        value = score(values, folder / values_digest(values))
        failed = value is None or not isfinite(value)
        trial.set_user_attr(_ENDED, True)
        study.tell(trial, None if failed else value, state=optuna.trial.TrialState.FAIL if failed else None)
    if not any(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials):
        return None
    return dict(study.best_params)


def _refuse_other(study: Any, search: Search) -> None:
    """Refuse to count trials of another search; more of them are welcome.

    Raises:
        ValueError: if the space, the metric, its direction, the epochs or the seed are not those of the study.
    """
    told = json.dumps({**asdict(search), "trials": None, "methods": None}, sort_keys=True, default=str)
    if study.user_attrs.setdefault(_SETTINGS, told) != told:
        raise ValueError(
            "search: expected the one that its folder began with, but got another; take another output_dir."
        )
    study.set_user_attr(_SETTINGS, told)


def _ended(study: Any) -> list[Any]:
    """Return the trials that came to their end, well or not."""
    return [trial for trial in study.trials if trial.state.is_finished() and _ENDED in trial.user_attrs]


def _forget_stopped(study: Any) -> None:
    """Queue the values of trials that an earlier process did not come to the end of."""
    from optuna.trial import TrialState

    for trial in study.trials:
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)


def trials_of(search: Search, folder: Path) -> list[Values]:
    """Return what a search has tried: its options, its metric (NaN where that failed), and the state."""
    import optuna

    study = optuna.load_study(study_name=_STUDY, storage=_address(folder))
    return [
        {**trial.params, search.metric: nan if trial.value is None else trial.value, "state": trial.state.name}
        for trial in _ended(study)
    ]


def _address(folder: Path) -> str:
    return f"sqlite:///{folder / 'search.db'}"


def suggest(trial: Any, name: str, part: Mapping[str, Any]) -> Any:
    """Draw one value: a whole number if both ends are whole, else a float; or one of the choices."""
    if "choices" in part:
        return trial.suggest_categorical(name, list(part["choices"]))
    log, step = bool(part.get("log", False)), part.get("step")
    if all(isinstance(part[end], int) for end in ("low", "high")):
        return trial.suggest_int(name, part["low"], part["high"], step=step or 1, log=log)
    return trial.suggest_float(name, float(part["low"]), float(part["high"]), step=step, log=log)


def values_digest(values: Mapping[str, Any]) -> str:
    """Return a short name for values, the same for the same ones."""
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:10]
