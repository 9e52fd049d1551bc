"""The search, on a function instead of trainings."""

from __future__ import annotations

import sys
from math import log10, nan

import pytest

pytest.importorskip("optuna", reason="the extra `search` is not installed")

from fundus_mtl.comparison import Search
from fundus_mtl.comparison._optuna import choose, need_optuna, trials_of, values_digest

SPACE = {"lr": {"low": 1e-4, "high": 1.0, "log": True}, "steps": {"low": 1, "high": 3}, "kind": {"choices": ["a", "b"]}}


def peak(values, folder):
    """The best rate is 0.01, the best kind b."""
    return -abs(log10(values["lr"]) + 2) + (values["kind"] == "b")


def test_it_finds_the_peak_and_counts(tmp_path):
    seen = []
    best = choose(
        Search(8, SPACE), tmp_path, lambda values, folder: seen.append((values, folder)) or peak(values, folder)
    )
    assert len(seen) == 8
    assert best == max((values for values, _ in seen), key=lambda values: peak(values, None))
    assert all(isinstance(values["steps"], int) and 1 <= values["steps"] <= 3 for values, _ in seen)
    assert {folder for _, folder in seen} == {tmp_path / values_digest(values) for values, _ in seen}
    assert len({values["lr"] for values, _ in seen}) == 8
    lowest = choose(Search(4, SPACE, direction="lower"), tmp_path / "low", peak)
    assert peak(lowest, None) < peak(best, None)


def test_resumed_it_equals_an_uninterrupted_one(tmp_path):
    def stop(after):
        calls = []

        def score(values, folder):
            calls.append(values)
            if len(calls) > after:
                raise KeyboardInterrupt
            return peak(values, folder)

        return score

    straight = choose(Search(5, SPACE), tmp_path / "straight", peak)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            choose(Search(5, SPACE), tmp_path / "parts", stop(2))
    assert choose(Search(5, SPACE), tmp_path / "parts", peak) == straight

    def never(values, folder):
        raise AssertionError

    assert choose(Search(5, SPACE), tmp_path / "parts", never) == straight  # nothing is left to do
    tried = [
        [{**row, "state": ""} for row in trials_of(Search(5, SPACE), tmp_path / name)] for name in ("straight", "parts")
    ]
    assert tried[0] == tried[1]


def test_the_seed_decides(tmp_path):
    first, same, other = (
        trials_of(search, tmp_path / name)
        for name, search in {"a": Search(2, SPACE), "b": Search(2, SPACE), "c": Search(2, SPACE, seed=1)}.items()
        if choose(search, tmp_path / name, peak)
    )
    assert first == same
    assert first != other


def test_failed_trials(tmp_path):
    """None and NaN are failures; the rest counts. Without any number nothing is chosen."""
    answers = iter([None, nan, 0.5, 0.4])
    best = choose(Search(4, SPACE), tmp_path / "some", lambda values, folder: next(answers))
    rows = trials_of(Search(4, SPACE), tmp_path / "some")
    assert [row["state"] for row in rows] == ["FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert best == {key: rows[2][key] for key in SPACE}
    assert choose(Search(2, SPACE), tmp_path / "none", lambda values, folder: None) is None


def test_without_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ModuleNotFoundError, match=r"expected the package optuna.*fundus-mtl\[search\]"):
        need_optuna()


def test_choices_are_tried_each_once_also_after_a_stop(tmp_path):
    space = {"lr": {"choices": [0.3, 0.1, 0.03]}, "kind": {"choices": ["a", "b"]}}
    seen = []

    def score(values, folder):
        seen.append((values["lr"], values["kind"]))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return peak(values, folder)

    with pytest.raises(KeyboardInterrupt):
        choose(Search(6, space), tmp_path, score)
    assert choose(Search(6, space), tmp_path, score) == {"lr": 0.03, "kind": "b"}
    assert seen == [
        (0.3, "a"),
        (0.3, "b"),
        (0.1, "a"),
        (0.1, "b"),
        (0.03, "a"),
        (0.03, "b"),
        (0.1, "a"),
    ]  # at last again
    tried = [(row["lr"], row["kind"]) for row in trials_of(Search(6, space), tmp_path)]
    assert sorted(tried) == sorted({(lr, kind) for lr in (0.3, 0.1, 0.03) for kind in "ab"})
