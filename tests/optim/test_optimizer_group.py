from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fundus_mtl.optim import OptimizerGroup

TASKS = [SimpleNamespace(name=name) for name in "abc"]
ADAM = partial(torch.optim.Adam, lr=0.1)


def group(parameters=None):
    return OptimizerGroup.per_task(TASKS, parameters or [nn.Parameter(torch.ones(2))], ADAM)


def test_groups_are_live():
    optimizers = group()
    optimizers.param_groups[1]["lr"] = 0.5
    assert [optimizers[name].param_groups[0]["lr"] for name in "abc"] == [0.1, 0.5, 0.1]


def test_a_scheduler_moves_every_member_and_still_does_after_a_load():
    optimizers = group()
    optimizers.load_state_dict(optimizers.state_dict())
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizers, max_lr=1.0, total_steps=10)
    before = optimizers["c"].param_groups[0]["lr"]
    for name in optimizers:
        optimizers[name].step()
    scheduler.step()
    rates = {optimizers[name].param_groups[0]["lr"] for name in optimizers}
    assert len(rates) == 1
    assert rates != {before}


def test_step_is_every_members_step():
    weight = nn.Parameter(torch.zeros(2))
    optimizers = OptimizerGroup({n: torch.optim.SGD([weight], lr=lr) for n, lr in (("a", 1.0), ("b", 0.5))})
    weight.grad = torch.ones(2)
    optimizers.step()
    assert weight.tolist() == [-1.5, -1.5]
    optimizers.zero_grad()
    assert weight.grad is None


def test_state_comes_back():
    weight = nn.Parameter(torch.ones(2))
    one = group([weight])
    weight.grad = torch.ones(2)
    one["b"].step()
    other = group([weight])
    other.load_state_dict(one.state_dict())
    assert other["b"].state[weight]["step"] == 1
    assert not other["a"].state


def test_other_names_raise():
    state = group().state_dict()
    state["z"] = state.pop("a")
    with pytest.raises(KeyError, match="expected the state of"):
        group().load_state_dict(state)


def test_an_empty_group_raises():
    with pytest.raises(ValueError, match="at least one optimizer"):
        OptimizerGroup({})


def test_a_task_named_all_raises():
    network = SimpleNamespace(task_parameters=lambda name: ([nn.Parameter(torch.ones(1))], []))
    with pytest.raises(ValueError, match="expected no task named all"):
        OptimizerGroup.per_share([SimpleNamespace(name="all")], network, ADAM)
