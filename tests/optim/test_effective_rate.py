from __future__ import annotations

import copy
import math
from functools import partial

import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.optim import MAO, OptimizerGroup, effective_rate

ADAM = partial(torch.optim.Adam, lr=0.1, betas=(0.5, 0.75), eps=0.25)


def weights(*values):
    return nn.Parameter(tensor(values, dtype=torch.float64))


def step(optimizer, weight, gradient):
    weight.grad = tensor(gradient, dtype=torch.float64)
    optimizer.step()


def test_adam_by_hand():
    """v = .25 * 4, corrected by 1 - .75; then v = .75 * 1 + .25 * 1 = 1, corrected by 1 - .75^2."""
    weight = weights(0.0, 0.0)
    optimizer = ADAM([weight])
    step(optimizer, weight, [2.0, 0.0])
    assert_close(effective_rate(optimizer, "a", weight), tensor([0.1 / 2.25, 0.1 / 0.25], dtype=torch.float64))
    step(optimizer, weight, [1.0, 0.0])
    assert effective_rate(optimizer, "a", weight)[0].item() == pytest.approx(0.1 / ((1 / 0.4375) ** 0.5 + 0.25))


def test_it_is_the_slope_of_adams_update_when_the_mean_gradient_is_the_gradient():
    """Without a first moment and eps, the update is rate times gradient: Adam and RMSprop are their own oracle."""
    for make in (
        partial(torch.optim.AdamW, lr=0.1, betas=(0.0, 0.9), weight_decay=0.0),
        partial(torch.optim.Adam, lr=0.1, betas=(0.0, 0.9), amsgrad=True),
        partial(torch.optim.RMSprop, lr=0.1),
        partial(torch.optim.RMSprop, lr=0.1, centered=True),
        partial(torch.optim.SGD, lr=0.1),
    ):
        weight = weights(1.0, 2.0, -3.0)
        optimizer = make([weight])
        for gradient in ([3.0, 1.0, -1.0], [1.0, 2.0, 0.1]):
            before = weight.detach().clone()
            step(optimizer, weight, gradient)
        rate = effective_rate(optimizer, "a", weight)
        assert_close(before - weight.detach(), rate * tensor(gradient, dtype=torch.float64))


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    "form", [{"betas": (0.0, 0.9)}, {"betas": (None, 0.9)}, {"betas": (0.0, 0.9), "bias_correction": "printed"}]
)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_mao_contributions_add_up_to_the_update(form, inside, reduction):
    weight = weights(1.0, 2.0)
    optimizer = MAO([weight], lr=0.1, eps=0.01, eps_inside=inside, reduction=reduction, **form)
    for scale in (1.0, 2.0, -0.5):
        rows = {
            name: tensor([scale * size, 1.0], dtype=torch.float64)
            for name, size in (("a", 1.0), ("b", 9.0), ("c", 0.1))
        }
        before = weight.detach().clone()
        for task, row in rows.items():
            optimizer.accumulate(task, [row])
        pending = effective_rate(optimizer, "b", weight)
        optimizer.step()
        assert_close(effective_rate(optimizer, "b", weight), pending)
    update = sum(effective_rate(optimizer, task, weight) * row for task, row in rows.items())
    assert_close(before - weight.detach(), update)


def test_each_member_of_a_group_answers_for_its_task():
    shared, head = weights(0.0), weights(0.0)
    optimizers = OptimizerGroup({"a": ADAM([shared]), "b": torch.optim.SGD([shared, head], lr=0.5)})
    assert math.isnan(effective_rate(optimizers, "a", shared))
    step(optimizers["a"], shared, [2.0])
    assert effective_rate(optimizers, "a", shared).item() == pytest.approx(0.1 / 2.25)
    assert effective_rate(optimizers, "b", shared) == 0.5
    assert effective_rate(optimizers, "a", head) == 0.0
    with pytest.raises(KeyError):
        effective_rate(optimizers, "z", shared)


@pytest.mark.parametrize(
    "make",
    [ADAM, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.Adadelta, partial(MAO, lr=0.1)],
)
def test_before_the_first_step_it_is_not_known_and_nothing_is_moved(make):
    weight = weights(0.0)
    optimizer = make([weight])
    before = copy.deepcopy(optimizer.state_dict())
    assert math.isnan(effective_rate(optimizer, "a", weight))
    assert effective_rate(optimizer, "a", weights(0.0)) == 0.0
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("make", [torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adamax])
def test_rules_it_does_not_know_stay_unknown(make):
    weight = weights(0.0)
    optimizer = make([weight])
    step(optimizer, weight, [1.0])
    assert math.isnan(effective_rate(optimizer, "a", weight))


def test_a_task_that_never_reached_the_parameter_is_not_known():
    weight = weights(0.0)
    optimizer = MAO([weight], lr=0.1)
    optimizer.accumulate("a", [torch.ones(1, dtype=torch.float64)])
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    assert math.isnan(effective_rate(optimizer, "b", weight))
    assert_close(optimizer.state_dict()["state"], state["state"], rtol=0, atol=0)


def test_a_live_rate_counts():
    weight = weights(0.0)
    optimizer = torch.optim.SGD([{"params": [weights(0.0)]}, {"params": [weight]}], lr=0.1, momentum=0.9)
    optimizer.param_groups[1]["lr"] = 0.3
    assert effective_rate(optimizer, "a", weight) == 0.3
