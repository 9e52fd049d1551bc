"""MGDA by hand, by its optimality conditions, and against closed forms and slower solvers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import MGDA
from tests.aggregation.rules import gradients


def kinds(tasks, seed):
    """Gradients in general position and in all the positions that make a hull degenerate."""
    rows = gradients(tasks, width=tasks + 2, seed=seed)
    shared = gradients(1, width=tasks + 2, seed=seed + 1000)
    yield "random", rows
    yield "aligned", rows + 3 * shared
    yield "nearly equal", 1e-5 * rows + shared
    yield "rank one", gradients(tasks, width=1, seed=seed) @ shared
    yield "rank two", gradients(tasks, width=2, seed=seed) @ gradients(2, width=9, seed=seed + 1)
    yield "duplicate", torch.cat([rows[:-1], rows[:1]])
    yield "opposite", torch.cat([rows[:-1], -2 * rows[:1]])
    yield "one zero", torch.cat([rows[:-1], 0 * rows[:1]])
    for ratio in (1e-6, 1e-10):
        yield f"first times {ratio}", torch.cat([ratio * rows[:1], rows[1:]])
        yield f"graded to {ratio}", rows * torch.logspace(0, np.log10(ratio), tasks, dtype=torch.float64).unsqueeze(1)
    yield "tiny", 1e-30 * rows
    yield "huge", 1e30 * rows


def violation(gram, weights):
    """Largest |d|^2 - g_i.d in units of |g_i| times the shortest gradient: scale-free, also between the rows."""
    alive = gram.diagonal() > 0
    lengths = gram.diagonal().sqrt()[alive]
    alpha = weights / weights.sum()
    return ((alpha @ gram @ alpha - gram[alive] @ alpha) / (lengths * lengths.min())).max().item()


@pytest.mark.parametrize("tasks", range(2, 9))
@pytest.mark.parametrize("seed", range(6))
def test_optimality_conditions(tasks, seed):
    for kind, rows in kinds(tasks, seed):
        gram = rows @ rows.T
        weights = MGDA().weights(gram)
        assert (weights >= 0).all(), kind
        assert weights.sum().item() == pytest.approx((gram.diagonal() > 0).sum().item(), rel=1e-12), kind
        assert violation(gram, weights) < 1e-9, kind


@pytest.mark.parametrize("tasks", [9, 12, 30])
def test_optimality_conditions_beyond_the_enumeration(tasks):
    for kind, rows in kinds(tasks, seed=1):
        gram = rows @ rows.T
        assert violation(gram, MGDA().weights(gram)) < 1e-6, kind


@pytest.mark.parametrize("tasks", [9, 12, 30])
def test_exact_beyond_the_enumeration_too_where_the_hull_is_not_degenerate(tasks):
    for seed in range(3):
        rows = gradients(tasks, width=tasks + 2, seed=seed)
        assert violation(rows @ rows.T, MGDA().weights(rows @ rows.T)) < 1e-12


def test_three_tasks_by_hand():
    """(2, 0, 0), (0, 1, 0) and (0, 0, 1): weights in proportion to 1/|g|^2 = 1/4, 1, 1, that is 1/9, 4/9, 4/9."""
    rows = torch.diag(tensor([2.0, 1.0, 1.0]))
    assert_close(MGDA()(rows), 3 * tensor([2 / 9, 4 / 9, 4 / 9]))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seed=st.integers(0, 10**6), log_ratio=st.floats(-8, 8))
def test_the_closed_form_of_two_tasks(seed, log_ratio):
    g1, g2 = rows = gradients(2, seed=seed) * tensor([[10.0**log_ratio], [1.0]], dtype=torch.float64)
    alpha = (g2 @ (g2 - g1) / (g1 - g2).norm() ** 2).clamp(0, 1)
    shortest = alpha * g1 + (1 - alpha) * g2
    assert_close(MGDA()(rows), 2 * shortest, rtol=1e-6, atol=1e-9 * rows.norm(dim=1).min().item())


@pytest.mark.parametrize("seed", range(5))
def test_no_point_of_a_grid_is_shorter(seed):
    rows = gradients(3, seed=seed) * tensor([[1.0], [0.2], [3.0]])
    steps = torch.linspace(0, 1, 60, dtype=torch.float64)
    grid = torch.cartesian_prod(steps, steps)
    grid = grid[grid.sum(dim=1) <= 1]
    points = torch.cat([grid, 1 - grid.sum(dim=1, keepdim=True)], dim=1) @ rows
    shortest = MGDA()(rows).norm() / 3
    assert shortest <= points.norm(dim=1).min() * (1 + 1e-12)
    assert points.norm(dim=1).min() <= shortest * 1.05


@pytest.mark.parametrize("tasks", [3, 5, 8, 11])
def test_a_slower_solver_agrees(tasks):
    gram = (lambda rows: rows @ rows.T)(gradients(tasks, width=20, seed=tasks)).numpy()
    found = minimize(
        lambda w: w @ gram @ w,
        np.full(tasks, 1 / tasks),
        jac=lambda w: 2 * gram @ w,
        bounds=[(0, 1)] * tasks,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    weights = MGDA().weights(torch.from_numpy(gram)).numpy() / tasks
    assert weights @ gram @ weights == pytest.approx(found.fun, rel=1e-6)
    assert weights == pytest.approx(found.x, abs=1e-4)


def test_torchjd_agrees_on_two_tasks():
    theirs = pytest.importorskip("torchjd.aggregation").MGDA()
    rows = gradients(2, seed=3)
    assert_close(MGDA()(rows), 2 * theirs(rows))


def test_opposite_gradients_are_pareto_stationary():
    g = gradients(1)
    for length in (1.0, 3.0, 1e-6):
        assert_close(MGDA()(torch.cat([g, -length * g])), torch.zeros(7, dtype=torch.float64), rtol=0, atol=1e-15)


def test_a_task_with_zero_gradient_is_as_if_absent():
    rows = gradients(4)
    without = MGDA()(rows)
    assert_close(MGDA()(torch.cat([rows[:2], torch.zeros(2, 7), rows[2:]])), without)
    assert MGDA().weights(torch.zeros(3, 3, dtype=torch.float64)).tolist() == [0, 0, 0]


def test_no_task_ascends():
    rows = gradients(8, width=4)
    assert (rows @ MGDA()(rows) >= -1e-12).all()
