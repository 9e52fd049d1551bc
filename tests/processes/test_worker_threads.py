"""The number of threads where none is given."""

from __future__ import annotations

import pytest

from fundus_mtl.processes import _worker_threads as module
from fundus_mtl.processes import worker_threads


@pytest.mark.parametrize("cores, threads", [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4)])
def test_half_of_the_cores_up_to_four(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.setattr(module, "_cores", lambda: cores)
    assert worker_threads(None) == threads


@pytest.mark.parametrize("cores, threads", [(1, 1), (2, 2), (3, 3), (4, 4), (64, 4)])
def test_one_per_core_up_to_four(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.setattr(module, "_cores", lambda: cores)
    assert worker_threads(None, share=1) == threads


def test_a_number_stays() -> None:
    assert [worker_threads(asked) for asked in (0, 1, 7)] == [0, 1, 7]
