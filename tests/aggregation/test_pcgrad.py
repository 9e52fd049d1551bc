"""PCGrad by hand, and against the paper's algorithm on vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import PCGrad
from tests.aggregation.rules import gradients


def test_two_conflicting_tasks():
    """Worked by hand: g1.g2 = -2, |g1|^2 = 4, |g2|^2 = 2."""
    g1, g2 = tensor([2.0, 0.0]), tensor([-1.0, 1.0])
    assert_close(PCGrad()(torch.stack([g1, g2])), (g1 + g2) + (g2 + g1 / 2))


def test_the_running_gradient_meets_the_original_ones(monkeypatch):
    """By hand: g1 = (1, 0) off g2 = (-1, 1) is (1/2, 1/2), which no longer conflicts with g3 = (-1/4, 1), though g1 did."""
    rows = tensor([[1.0, 0.0], [-1.0, 1.0], [-0.25, 1.0]])
    rule = PCGrad()
    monkeypatch.setattr(rule, "_others", lambda task, count: [j for j in range(count) if j != task])
    g1, g2, g3 = rows
    expected = tensor([0.5, 0.5]) + (g2 + g1) + (g3 + g1 / 4)  # g2 off g1 is (0, 1); g3 off g1 is (0, 1)
    assert_close(rule(rows), expected)


def literal(rows, seed):
    """Algorithm 1 on vectors, in the order that a generator of this seed draws."""
    generator = torch.Generator().manual_seed(seed)
    changed = rows.copy()
    for i in range(len(rows)):
        for j in torch.randperm(len(rows), generator=generator).tolist():
            if j != i and changed[i] @ rows[j] < 0:
                changed[i] = changed[i] - (changed[i] @ rows[j]) / np.linalg.norm(rows[j]) ** 2 * rows[j]
    return changed.sum(axis=0)


@pytest.mark.parametrize("tasks", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_algorithm_on_vectors(tasks, seed):
    rows = gradients(tasks, width=4, seed=seed)
    assert_close(PCGrad(seed=seed)(rows), torch.from_numpy(literal(rows.numpy(), seed)))


@pytest.mark.parametrize("seed", range(5))
def test_torchjd_agrees_on_two_tasks(seed):
    theirs = pytest.importorskip("torchjd.aggregation").PCGrad()
    rows = gradients(2, seed=seed)
    assert_close(PCGrad()(rows), theirs(rows))


def test_opposite_gradients_cancel():
    g = gradients(1)
    assert_close(PCGrad()(torch.cat([g, -3 * g])), torch.zeros(7, dtype=torch.float64), rtol=0, atol=1e-12)
