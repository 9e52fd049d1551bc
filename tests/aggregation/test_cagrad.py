"""CAGrad by hand, by strong duality, and against solvers of its primal problem."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import CAGrad, Sum
from tests.aggregation.rules import gradients
from tests.aggregation.test_mgda import kinds


def test_two_orthogonal_tasks_by_hand():
    """g0 = (1/2, 1/2) = g_w, d = 3/2 g0, times 2 over 5/4: 6/5 (1, 1)."""
    rows = torch.eye(2)
    assert_close(CAGrad()(rows), tensor([1.2, 1.2]))
    assert_close(CAGrad(rescale="none")(rows), tensor([1.5, 1.5]))
    assert_close(CAGrad(rescale="1+c")(rows), tensor([1.0, 1.0]))


def test_opposite_tasks_by_hand():
    """u and -2u: g0 = -u/2, and of d = -u/2 +- u/4 the worst-off task prefers -u/4; times 2 over 5/4: -2/5 u."""
    assert_close(CAGrad()(tensor([[1.0], [-2.0]])), tensor([-0.4]))


def test_parallel_tasks_by_hand():
    """(1, 0) and (4, 0): g0 = 5/2, d = 15/4, times 2 over 5/4: 6."""
    assert_close(CAGrad()(tensor([[1.0, 0.0], [4.0, 0.0]])), tensor([6.0, 0.0]))


def test_where_the_minimum_is_zero_the_mean_is_taken():
    u, v = tensor([2.0, 0.0]), tensor([0.0, 3.0])
    assert_close(CAGrad(rescale="none")(torch.stack([u, -u, v])), v)
    assert_close(CAGrad(rescale="none")(torch.stack([v, 0 * v])), v)
    assert_close(CAGrad()(torch.stack([v, 0 * v])), v / 1.25)
    assert not CAGrad()(torch.stack([u, -u])).any()
    many = torch.cat([torch.stack([u, -u, v]), v.expand(7, 2)])  # beyond the enumeration
    assert_close(CAGrad(rescale="none")(many), 8 * v)


def test_float32_gradients_that_cancel_are_zero_too():
    rows = gradients(2, width=1000, dtype=torch.float32)
    third = gradients(1, width=1000, seed=2, dtype=torch.float32)
    cancelling = torch.cat([rows, -rows.sum(dim=0, keepdim=True), 0.1 * third])
    update = CAGrad(rescale="none")(cancelling)
    assert_close(update, cancelling.sum(dim=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_a_mean_of_rounding_errors_has_no_influence(seed):
    rows = gradients(3, width=1000, seed=seed)
    cancelling = torch.cat([rows, -rows.sum(dim=0, keepdim=True)])
    assert CAGrad()(cancelling).norm() < 1e-12


def test_gradients_that_nearly_cancel_are_not_zero():
    """By hand: (1, e) and (-1, e) have g0 = g_w = (0, e), so d = 3/2 g0 however small e."""
    rows = tensor([[1.0, 1e-4], [-1.0, 1e-4]], dtype=torch.float64)
    assert_close(CAGrad(rescale="none")(rows), tensor([0.0, 3e-4], dtype=torch.float64), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("c", [0.1, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("tasks", [2, 3, 4, 6, 8, 10])
def test_strong_duality(c, tasks):
    """No d of the ball serves the worst-off task better, as g_w itself proves; the gap is in units of |g_i| |g0|."""
    for seed in range(3):
        for kind, rows in kinds(tasks, seed):
            gram = rows @ rows.T
            scaled = gram / gram.max()
            weights = CAGrad(c, rescale="none").weights(gram) / tasks
            pull = weights - 1 / tasks
            if not pull.any():
                continue  # d = g0; the degenerate cases have their own tests
            length0 = scaled.sum().sqrt() / tasks
            assert (pull @ scaled @ pull).sqrt().item() == pytest.approx(c * length0.item(), rel=1e-7), kind
            w = pull * (alive := scaled.diagonal() > 0)
            w = w / w.sum()
            assert (w >= 0).all(), kind
            dual = w @ scaled.mean(dim=1) + c * length0 * (w @ scaled @ w).clamp(min=0).sqrt()
            gap = (dual - scaled @ weights)[alive] / (scaled.diagonal().sqrt()[alive] * length0)
            assert gap.max().item() < (1e-9 if tasks <= 8 else 1e-6), kind


@pytest.mark.parametrize("tasks", [2, 3, 4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_the_primal_problem_solved_directly(tasks, seed):
    """Maximise t under g_i.d >= t and |d - g0|^2 <= c^2 |g0|^2, over d itself."""
    rows, c = gradients(tasks, width=4, seed=seed).numpy() + 0.3, 0.5
    g0 = rows.mean(axis=0)
    found = minimize(
        lambda x: -x[-1],
        np.append(g0, (rows @ g0).min()),
        jac=lambda x: np.append(np.zeros(4), -1.0),
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x[:4] - x[-1]},
            {"type": "ineq", "fun": lambda x: c**2 * g0 @ g0 - (x[:4] - g0) @ (x[:4] - g0)},
        ],
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert found.success or found.status == 8  # 8: nothing left to gain at the precision of this processor
    update = CAGrad(c, rescale="none")(torch.from_numpy(rows)) / tasks
    assert (rows @ update.numpy()).min() == pytest.approx(found.x[-1], abs=1e-5)
    assert_close(update, torch.from_numpy(found.x[:4]), rtol=0, atol=2e-3)


@pytest.mark.parametrize("tasks", [2, 4])
def test_torchjd_agrees(tasks):
    pytest.importorskip("cvxpy")
    theirs = pytest.importorskip("torchjd.aggregation").CAGrad(c=0.5)
    rows = gradients(tasks, seed=1)
    assert_close(CAGrad(rescale="none")(rows), tasks * theirs(rows), rtol=1e-3, atol=1e-3)


def test_no_radius_is_joint():
    rows = gradients(5, seed=2)
    assert torch.equal(CAGrad(c=0.0).weights(rows @ rows.T), torch.ones(5, dtype=torch.float64))
    assert_close(CAGrad(c=1e-12)(rows), Sum()(rows))


def test_wrong_settings_raise():
    for c in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected c to be 0 or more"):
            CAGrad(c=c)
    with pytest.raises(ValueError, match="rescale to be one of .*, but got '1\\+c\\^3'"):
        CAGrad(rescale="1+c^3")
