"""The trainings of a comparison and their state, for ``--dry-run``."""

from __future__ import annotations

from fundus_mtl.comparison._data_note import OtherDataError
from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._method_searches import known_choices, other_searches, searched_methods
from fundus_mtl.comparison._plan import plan
from fundus_mtl.comparison._training import Training
from fundus_mtl.comparison._training_folder import OtherSettingsError, check_settings, is_done


def listing(comparison: Comparison) -> str:
    """Return one line per training: ``done``, ``to do``, or ``other``.

    ``other`` means that the folder holds results of other settings or other data, which `run_comparison` refuses. Where a
    search is finished, its trainings are those with the values that it chose.
    """
    choices = known_choices(comparison)
    refused = other_searches(comparison)
    open_searches = [name for name in searched_methods(comparison) if name not in choices]
    trainings = [training.with_chosen(choices.get(training.method, {})) for training in plan(comparison)]
    lines = [
        f"{'other' if training.method in refused else _state(training, training.method in open_searches):6s} {training.name}"
        for training in trainings
    ]
    if comparison.search is not None and open_searches:
        trials = f"{comparison.search.trials} trials per method"
        lines.append(f"before these: {trials} ({', '.join(open_searches)}), whose values the trainings then take")
    return "\n".join([*lines, f"{len(trainings)} trainings, {comparison.workers} at a time"])


def _state(training: Training, values_unknown: bool) -> str:
    if values_unknown:
        return "to do"
    try:
        check_settings(training)
    except (OtherDataError, OtherSettingsError):
        return "other"
    return "done" if is_done(training) else "to do"
