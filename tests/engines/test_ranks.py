"""Two ranks equal one rank with the double batch, for every method; two gloo processes train them all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.engines._seeding import derived
from tests.engines.methods import METHODS
from tests.engines.ranks_worker import ACCUMULATING, BATCH, MISSING, train, train_cooperative
from tests.engines.toy import assert_same, samples

ROOT = Path(__file__).resolve().parents[2]
QUIET = 240  # s in which no rank finishes a method, after which both count as stuck


def wait(started, folder):
    """Wait until all ranks end; raise as soon as one fails. The whole time has no limit: it depends on the load."""
    done, since = -1, time.monotonic()
    while any(process.poll() is None for process in started):
        codes = [process.poll() for process in started]
        assert not any(codes), f"a rank failed: exit codes {codes}"
        finished = len(list(folder.glob("*.done")))
        if finished > done:
            done, since = finished, time.monotonic()
        assert time.monotonic() - since < QUIET, f"the ranks are stuck after {finished} trainings"
        time.sleep(0.1)
    assert [process.wait() for process in started] == [0, 0]


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """The results that both processes saved."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-m", "tests.engines.ranks_worker"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = [subprocess.Popen([*command, str(rank), str(folder)], cwd=ROOT, env=environment) for rank in (0, 1)]
    try:
        wait(started, folder)
    finally:
        for process in started:
            process.kill()
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("method", METHODS + [f"{method} accumulated" for method in ACCUMULATING])
def test_two_ranks_are_one_with_the_double_batch(method, two_ranks):
    name, _, accumulated = method.partition(" ")
    options = {"accumulation_steps": 2} if accumulated else {}
    one = train(name, samples(12, missing=MISSING), BATCH, **options)
    first, second = (found[method] for found in two_ranks)
    assert_same(first["weights"], second["weights"])
    for key, value in one["weights"].items():
        assert_close(first["weights"][key], value, rtol=1e-6, atol=1e-9, msg=lambda m, key=key: f"{key}: {m}")
    assert first["losses"] == pytest.approx(one["losses"])
    assert first["counts"] == one["counts"]


def test_ranks_draw_different_numbers_and_rank_0_the_same_as_alone():
    assert derived(3, 1, 7, 0) == derived(3, 1, 7)
    assert len({derived(3, 1, 7, rank) for rank in range(8)}) == 8


def test_two_ranks_cooperate_as_one_with_the_double_batch(two_ranks):
    one = train_cooperative(samples(12, missing=MISSING), BATCH)
    first, second = (found["cooperative"] for found in two_ranks)
    assert_same(first["weights"], second["weights"])
    for key, value in one["weights"].items():
        assert_close(first["weights"][key], value, rtol=1e-6, atol=1e-9)


def test_running_statistics_are_rank_0s_and_dropout_is_each_ranks_own(two_ranks):
    first, second = (found["normed"] for found in two_ranks)
    assert_same(first["weights"], second["weights"])
    assert len(first["seeds"]) == 2
    assert not set(first["seeds"]) & set(second["seeds"])


def test_ranks_with_different_numbers_of_batches_raise(two_ranks):
    for found in two_ranks:
        assert "batches per epoch: expected the same on all ranks, but got 1 to 2" in found["uneven"]
