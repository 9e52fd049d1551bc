from __future__ import annotations

import io

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.weighting import RandomWeights


def losses(*values, names="abcdef", dtype=torch.float64):
    return {name: tensor(value, dtype=dtype, requires_grad=True) for name, value in zip(names, values, strict=False)}


def weights_of(weighting, batch):
    return torch.stack(torch.autograd.grad(weighting(batch), list(batch.values())))


def test_by_hand():
    """Draws of log 1, log 2 and log 5 are weights 3/8, 6/8 and 15/8."""
    weighting = RandomWeights()
    weighting._generator = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn", lambda *_, **__: tensor([1.0, 2.0, 5.0], dtype=torch.float64).log())
        assert weighting(losses(8.0, 80.0, 800.0)).item() == pytest.approx(3 + 60 + 1500)


def test_against_the_formula():
    """Oracle: the softmax of the same normal numbers, times the number of tasks."""
    weighting, oracle = RandomWeights(seed=5), torch.Generator().manual_seed(5)
    for count in (3, 4, 3):
        u = torch.randn(count, generator=oracle, dtype=torch.float64)
        assert_close(weights_of(weighting, losses(*[2.0] * count)), count * u.exp() / u.exp().sum())


@pytest.mark.parametrize("count", [1, 3, 6])
def test_weights_are_positive_add_up_to_the_tasks_and_are_one_on_average(count):
    weighting, batch = RandomWeights(), losses(*[1.0] * count)
    drawn = torch.stack([weights_of(weighting, batch) for _ in range(2000)])
    assert (drawn > 0).all()
    assert_close(drawn.sum(1), torch.full((2000,), float(count), dtype=torch.float64))
    assert_close(drawn.mean(0), torch.ones(count, dtype=torch.float64), rtol=0, atol=0.08)


def test_one_task_is_its_plain_loss():
    assert RandomWeights()({"a": tensor(3.7)}).item() == tensor(3.7).item()


def test_precisions_draw_the_same_numbers():
    single, double = (
        weights_of(RandomWeights(), losses(1.0, 1.0, 1.0, dtype=d)) for d in (torch.float32, torch.float64)
    )
    assert_close(single.double(), double, rtol=1e-6, atol=0)


@pytest.mark.parametrize("stop", [0, 1, 5])
def test_resume_is_bit_exact(stop):
    batch = losses(1.0, 2.0, 4.0)
    whole, first = RandomWeights(3), RandomWeights(3)
    expected = [whole(batch).item() for _ in range(8)]
    start = [first(batch).item() for _ in range(stop)]
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    first(batch)  # the saved state must not follow
    file.seek(0)
    resumed = RandomWeights(99)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert start + [resumed(batch).item() for _ in range(stop, 8)] == expected
