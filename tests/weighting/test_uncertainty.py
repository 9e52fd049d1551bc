from __future__ import annotations

import copy
import io
import math
from types import SimpleNamespace

import pytest
import torch
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.weighting import Uncertainty

KINDS = {"disc": "segmentation", "fovea": "heatmap", "glaucoma": "classification", "age": "regression"}


def losses(*values, names=tuple(KINDS), dtype=torch.float64):
    return {name: tensor(value, dtype=dtype, requires_grad=True) for name, value in zip(names, values, strict=False)}


def test_by_hand():
    """s = log 4: what is classified enters as L/4 + log 2, what is regressed as L/8 + log 2."""
    total = Uncertainty(KINDS, initial=math.log(4))(losses(8.0, 8.0, 4.0, 4.0))
    assert total.item() == pytest.approx(2 + 1 + 1 + 0.5 + 4 * math.log(2))


def test_weights_and_their_slopes_by_autograd():
    weighting = Uncertainty(KINDS, initial=0.3).double()
    batch = losses(1.0, 2.0, 3.0, 4.0)
    weighting(batch).backward()
    for (name, loss), factor in zip(batch.items(), (1.0, 0.5, 1.0, 0.5), strict=True):
        assert loss.grad.item() == pytest.approx(factor * math.exp(-0.3))
        assert weighting.weights[name] == pytest.approx(factor * math.exp(-0.3))
        slope = weighting.log_variances[name].grad.item()
        assert slope == pytest.approx(0.5 - factor * math.exp(-0.3) * loss.item())


@pytest.mark.parametrize("kind, optimum", [("classification", 6.0), ("regression", 3.0)])
def test_the_variance_settles_where_the_likelihood_is_largest(kind, optimum):
    weighting = Uncertainty({"a": kind}).double()
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        weighting({"a": tensor(3.0, dtype=torch.float64)}).backward()
        optimizer.step()
    assert weighting.log_variances["a"].exp().item() == pytest.approx(optimum)


def test_an_absent_task_adds_neither_loss_nor_variance():
    weighting = Uncertainty(KINDS, initial=1.0)
    some = losses(1.0, 2.0, names=("glaucoma", "disc"))
    total = weighting(some)
    total.backward()
    assert total.item() == pytest.approx(3 / math.e + 1)
    assert weighting.log_variances["fovea"].grad is None


def test_one_classification_at_zero_is_the_plain_loss():
    assert Uncertainty({"a": "classification"})({"a": tensor(3.7, dtype=torch.float64)}).item() == 3.7


def test_tasks_give_the_same_result_as_a_mapping():
    tasks = [SimpleNamespace(name=name, kind=kind) for name, kind in KINDS.items()]
    assert_close(Uncertainty(tasks)(losses(1, 2, 3, 4)), Uncertainty(KINDS)(losses(1, 2, 3, 4)))
    assert len(list(Uncertainty(tasks).parameters())) == 4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_it_follows_the_wider_of_loss_and_variance(dtype):
    total = Uncertainty(KINDS)(losses(1.0, 2.0, 3.0, 4.0, dtype=dtype))
    assert total.shape == ()
    assert total.dtype == torch.promote_types(dtype, torch.float32)


def test_the_order_does_not_matter_and_zero_is_no_trouble():
    weighting = Uncertainty(KINDS).double()
    batch = losses(0.0, 2.0, 3.0, 4.0)
    assert_close(weighting(dict(reversed(batch.items()))), weighting(batch))


def test_state_comes_back():
    weighting = Uncertainty(KINDS, initial=0.7)
    file = io.BytesIO()
    torch.save(weighting.state_dict(), file)
    file.seek(0)
    other = copy.deepcopy(Uncertainty(KINDS))
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.weights == weighting.weights


def test_unknown_kinds_and_tasks_raise():
    with pytest.raises(ValueError, match="got one of 'cup'"):
        Uncertainty(KINDS)({"disc": tensor(1.0), "cup": tensor(1.0)})
    with pytest.raises(ValueError, match="kind of task a: expected one of"):
        Uncertainty({"a": "clasification"})
    with pytest.raises(ValueError, match="at least one task"):
        Uncertainty([])
