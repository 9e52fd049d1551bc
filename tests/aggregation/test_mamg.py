"""MAMG by hand, its theorems, and both readings against the paper's algorithm on vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import MAMG, MGDA, Sum
from tests.aggregation.rules import gradients


def conflicting_pair(seed):
    """Turn the second of two random gradients if they agree, and stretch the first."""
    first, second = gradients(2, seed=seed)
    return torch.stack([first * (0.3 + seed % 7), -second if first @ second > 0 else second])


def test_two_conflicting_tasks():
    """By hand: P = (3, -1), |P|^2 = 10, s = (4 - 2)/10 = 1/5; g1' = 4/5 (2, 0) + 1/5 (-1, 1) = (7/5, 1/5), g2 stays."""
    rows = tensor([[2.0, 0.0], [-1.0, 1.0]])
    assert_close(MAMG()(rows), tensor([0.4, 1.2]))
    assert_close(MAMG("literal")(rows), tensor([1.0, 1.0]))


@pytest.mark.parametrize("seed", range(40))
def test_lemma_1_and_both_tasks_descend(seed):
    rows = conflicting_pair(seed)
    update = MAMG()(rows)
    assert update.norm() <= rows.sum(dim=0).norm() * (1 + 1e-12)
    assert (rows @ update >= -1e-12 * rows.norm() ** 2).all()


@pytest.mark.parametrize("seed", range(20))
def test_two_conflicting_tasks_are_mgda(seed):
    assert_close(MAMG()(conflicting_pair(seed)), MGDA()(conflicting_pair(seed)))


@pytest.mark.parametrize("seed", range(20))
def test_the_literal_reading_of_two_tasks_is_joint(seed):
    assert_close(MAMG("literal")(conflicting_pair(seed)), Sum()(conflicting_pair(seed)))


def test_the_readings_differ_from_three_tasks_on():
    rows = gradients(3, width=2, seed=1)
    assert not torch.allclose(MAMG("literal")(rows), MAMG()(rows))
    assert not torch.allclose(MAMG("literal")(rows), Sum()(rows))


def test_gradients_of_one_length_stay():
    """By hand: (3, 4) and (-5, 0) conflict, but neither dominates."""
    rows = tensor([[3.0, 4.0], [-5.0, 0.0]])
    assert_close(MAMG()(rows), tensor([-2.0, 4.0]))


def test_orthogonal_gradients_stay():
    rows = tensor([[3.0, 0.0], [0.0, 1.0]])
    assert_close(MAMG()(rows), tensor([3.0, 1.0]))


def test_opposite_gradients_stall():
    rows = tensor([[3.0, -6.0], [-1.0, 2.0]], dtype=torch.float64)
    assert_close(MAMG()(rows), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)


def clipped(g_i, g_j, reading):
    """Equations 2-4 on vectors; in the projection reading, lengths of projections, and only the dominating task."""
    P = g_i - g_j
    norm = np.linalg.norm
    cos_i, cos_j = (g @ P / (norm(g) * norm(P)) for g in (g_i, g_j))
    if reading == "literal":
        return g_i - norm(g_i * cos_i - g_j * cos_j) * P / norm(P)
    delta = norm(g_i) * abs(cos_i) - norm(g_j) * abs(cos_j)
    return g_i - delta * P / norm(P) if delta > 0 else g_i


@pytest.mark.parametrize("reading", ["projection", "literal"])
@pytest.mark.parametrize("tasks", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_algorithm_on_vectors(reading, tasks, seed):
    rows = gradients(tasks, width=4, seed=seed).numpy()
    generator = torch.Generator().manual_seed(seed)
    changed = rows.copy()
    for i in range(tasks):
        for j in torch.randperm(tasks, generator=generator).tolist():
            if j != i and changed[i] @ rows[j] < 0:
                changed[i] = clipped(changed[i], rows[j], reading)
    expected = tasks * changed.mean(axis=0)
    assert_close(MAMG(reading, seed=seed)(torch.from_numpy(rows)), torch.from_numpy(expected))


@pytest.mark.parametrize("mine, dot", [(-1e-17, -1e-17), (0.0, -1e-17), (1.0, -1.0 - 2e-16)])
def test_rounding_is_not_clipped(mine, dot):
    """What is left of a gradient may have a squared length below zero, and opposite ones a cosine below -1."""
    mine, theirs, dot = torch.tensor([mine, 1.0, dot], dtype=torch.float64)
    assert MAMG._literal_share(mine, theirs, dot) == 0


def test_an_unknown_reading_raises():
    with pytest.raises(ValueError, match="reading to be one of .*, but got 'printed'"):
        MAMG("printed")
