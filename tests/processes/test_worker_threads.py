"""The number of threads that ``auto`` means."""

from __future__ import annotations

import pytest

from fundus_mtl.processes import _worker_threads as module
from fundus_mtl.processes import worker_threads


@pytest.mark.parametrize("cores, threads", [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4)])
def test_auto_is_half_of_the_cores_up_to_four(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.setattr(module, "_cores", lambda: cores)
    assert worker_threads("auto") == threads


def test_a_number_stays() -> None:
    assert [worker_threads(asked) for asked in (0, 1, 7)] == [0, 1, 7]


@pytest.mark.parametrize("asked", ["many", 1.5, True, None])
def test_others_are_refused(asked: object) -> None:
    with pytest.raises(ValueError, match="expected a number of threads or auto, but got"):
        worker_threads(asked)  # type: ignore[arg-type]
