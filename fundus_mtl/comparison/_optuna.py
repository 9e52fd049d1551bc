"""Choose options for a method by Optuna: trials are trainings, and what is done already is not repeated.

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
        # A sampler's draws begin anew with its process: another seed after every trial, or a resumed search repeats them.
        study.sampler = optuna.samplers.TPESampler(seed=search.seed + len(finished))
        trial = study.ask()
        values = {name: suggest(trial, name, part) for name, part in search.space.items()}
        value = score(values, folder / values_digest(values))
        failed = value is None or not isfinite(value)
        trial.set_user_attr(ENDED, True)
        study.tell(trial, None if failed else value, state=optuna.trial.TrialState.FAIL if failed else None)
    return best(study)


def grid(search: Search) -> list[Values]:
    """Return every combination of a space of choices, in order, as many as there are trials; none for other spaces.

    TPE would draw some of them twice and others never, and a figure over the rates would have gaps.
    """
    if not all("choices" in part for part in search.space.values()):
        return []
    combinations = product(*(part["choices"] for part in search.space.values()))
    return [dict(zip(search.space, values, strict=True)) for values in islice(combinations, search.trials)]


def chosen(search: Search, folder: Path) -> Values | None:
    """Return what a finished search has chosen; None if it is not finished, found no number, or is another one."""
    if _settings_in(folder) != settings_of(search):
        return None
    import optuna

    study = optuna.load_study(study_name=STUDY, storage=address(folder))
    return best(study) if len(ended(study)) >= search.trials else None


def is_other(search: Search, folder: Path) -> bool:
    """Tell whether a folder holds another search, which `choose` would refuse to go on with."""
    return _settings_in(folder) not in (None, settings_of(search))


def _settings_in(folder: Path) -> str | None:
    if not storage_file(folder).is_file():  # or Optuna would make one
        return None
    import optuna

    known = {study.study_name: study for study in optuna.get_all_study_summaries(address(folder))}
    return known[STUDY].user_attrs.get(SETTINGS) if STUDY in known else None


def trials_of(search: Search, folder: Path) -> list[Values]:
    """Return what a search has tried: its options, its metric (NaN where that failed), and the state."""
    import optuna

    study = optuna.load_study(study_name=STUDY, storage=address(folder))
    return [
        {**trial.params, search.metric: nan if trial.value is None else trial.value, "state": trial.state.name}
        for trial in ended(study)
    ]


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
    return json_sha256(dict(values))[:10]
