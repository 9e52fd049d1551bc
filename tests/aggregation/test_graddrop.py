"""GradDrop by hand, by its expectation, and against the paper's algorithm with the same draws."""

from __future__ import annotations

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import GradDrop
from tests.aggregation.rules import gradients


def test_one_sign_is_kept_in_each_coordinate():
    """By hand: (3, -1, -1) keeps 3 with probability 3/5 and -2 otherwise."""
    rows = tensor([3.0, -1.0, -1.0], dtype=torch.float64).unsqueeze(1).expand(3, 20000)
    update = GradDrop()(rows)
    assert set(update.tolist()) == {3.0, -2.0}
    assert (update == 3.0).double().mean().item() == pytest.approx(0.6, abs=0.015)


def test_opposite_tasks_are_never_both_dropped():
    g = gradients(1, width=5000)
    update = GradDrop(seed=7)(torch.cat([g, -g]))  # not the seed of the gradients: the draws would be the same
    assert_close(update.abs(), g[0].abs())
    assert (update == g[0]).double().mean().item() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("leak", [None, 0.25, [0.0, 0.5, 1.0]])
@pytest.mark.parametrize("seed", range(4))
def test_the_algorithm_with_the_same_draws(leak, seed):
    rows = gradients(3, width=50, seed=seed)
    draw = torch.rand(50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    purity = 0.5 * (1 + rows.sum(0) / rows.abs().sum(0))
    ell = {None: [0.0] * 3, 0.25: [0.25] * 3}.get(leak if not isinstance(leak, list) else "", leak)
    expected = torch.zeros(50, dtype=torch.float64)
    for g, part in zip(rows, ell, strict=True):
        mask = (purity > draw).double() * (g > 0) + (purity < draw).double() * (g < 0)
        expected += (part + (1 - part) * mask) * g
    assert_close(GradDrop(leak, seed=seed)(rows), expected)


def test_a_full_leak_is_the_sum():
    rows = gradients(4)
    assert_close(GradDrop(leak=1.0)(rows), rows.sum(dim=0))


@pytest.mark.parametrize("negative", [False, True])
def test_gradients_of_one_sign_are_all_kept(negative, monkeypatch):
    """Also where the draw is exactly zero, as one in 2^24 float32 draws is."""
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.zeros(shape, dtype=options["dtype"]))
    rows = gradients(3).abs() * (-1 if negative else 1)
    assert_close(GradDrop()(rows), rows.sum(dim=0))


def test_a_coordinate_without_gradient_stays_zero():
    rows = tensor([[0.0, 1.0], [0.0, 1.0]])
    assert torch.equal(GradDrop()(rows), tensor([0.0, 2.0]))


def test_half_precision_does_not_overflow_on_the_way():
    rows = tensor([[60000.0], [-60000.0], [30000.0]], dtype=torch.float16)
    assert GradDrop(seed=1)(rows).item() in (
        -60000.0,
        float("inf"),
    )  # 90000 overflows in half precision; the mask is correct
    assert GradDrop()(rows[:2]).abs().item() == 60000.0


def test_half_precision_is_added_in_single():
    rows = tensor([[256.0], [1.0], [1.0], [1.0], [1.0]], dtype=torch.bfloat16)  # 256 + 1 is 256 in bfloat16
    assert GradDrop()(rows).item() == 260.0


def test_leaks_must_fit():
    with pytest.raises(ValueError, match="expected 2 rows, one for each leak, but got 3; give one leak"):
        GradDrop(leak=[0.1, 0.2])(gradients(3))
    for leak in (-0.1, 1.5, [0.5, 2.0], [], float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            GradDrop(leak=leak)


def test_a_state_of_another_device_raises():
    rule = GradDrop()
    rule.load_state_dict({"device": "cuda", "generator": torch.zeros(16, dtype=torch.uint8)})
    with pytest.raises(ValueError, match="expected gradients on 'cuda'.*, but got them on 'cpu'"):
        rule(gradients(2))
