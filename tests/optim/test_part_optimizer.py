from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fundus_mtl.optim import MAO, OptimizerGroup, PartOptimizer


def toy():
    network = nn.Sequential()
    network.encoder = nn.Linear(2, 3)
    network.head = nn.Linear(3, 1)
    return network


ADAMW = partial(torch.optim.AdamW, lr=2e-3, weight_decay=1e-3)


def test_groups_by_hand():
    network = toy()
    optimizer = PartOptimizer(ADAMW, network, {"encoder": {"lr": 5e-4}})(network.parameters())
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        ("encoder", 5e-4, 1e-3),
        ("rest", 2e-3, 1e-3),
    ]
    assert [len(g["params"]) for g in optimizer.param_groups] == [2, 2]
    assert optimizer.param_groups[0]["params"][0] is network.encoder.weight


def test_each_parameter_stands_in_one_group_and_rest_may_have_settings():
    network = toy()
    parts = {"encoder": {"lr": 1.0}, "rest": {"lr": 3.0}, "head": {"lr": 2.0}}
    optimizer = PartOptimizer(ADAMW, network, parts)([*network.parameters(), extra := nn.Parameter(torch.zeros(1))])
    assert {g["name"]: g["lr"] for g in optimizer.param_groups} == {"encoder": 1.0, "rest": 3.0, "head": 2.0}
    assert [g["params"] for g in optimizer.param_groups if g["name"] == "rest"] == [[extra]]
    members = [id(p) for g in optimizer.param_groups for p in g["params"]]
    assert len(members) == len(set(members)) == 5


def test_one_cycle_moves_each_group_to_its_own_peak():
    network = toy()
    optimizer = PartOptimizer(ADAMW, network, {"encoder": {"lr": 5e-4}})(network.parameters())
    peaks = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peaks, total_steps=10, pct_start=0.2)
    seen = []
    for _ in range(10):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if len(seen) < 10:
            schedule.step()
    highest = torch.tensor(seen).amax(dim=0)
    torch.testing.assert_close(highest, torch.tensor([5e-4, 2e-3]))
    torch.testing.assert_close(torch.tensor(seen)[:, 1], 4 * torch.tensor(seen)[:, 0])


def test_given_groups_keep_their_own_settings():
    """The uncertainty overlay gives the learned weights as a group without weight decay."""
    network, learned = toy(), nn.Parameter(torch.zeros(4))
    make = PartOptimizer(ADAMW, network, {"encoder": {"lr": 5e-4}})
    optimizer = make([{"params": list(network.parameters())}, {"params": [learned], "weight_decay": 0.0}])
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in optimizer.param_groups] == [
        ("encoder", 5e-4, 1e-3),
        ("rest", 2e-3, 1e-3),
        ("rest", 2e-3, 0.0),
    ]


def test_with_an_optimizer_per_task():
    """Members must not share a group, or a schedule would move it once per member."""
    network = toy()
    make = PartOptimizer(ADAMW, network, {"encoder": {"lr": 5e-4}})
    tasks = [SimpleNamespace(name="disc"), SimpleNamespace(name="cup")]
    group = OptimizerGroup.per_task(tasks, network.parameters(), make)
    torch.optim.lr_scheduler.ConstantLR(group, factor=0.5)
    assert [g["lr"] for g in group.param_groups] == [2.5e-4, 1e-3] * 2


def test_with_a_multi_adaptive_optimizer():
    network = toy()
    optimizer = PartOptimizer(partial(MAO, lr=1e-2), network, {"encoder": {"lr": 0.0}})(network.parameters())
    before = [p.detach().clone() for p in network.parameters()]
    optimizer.accumulate("disc", [torch.ones_like(p) for g in optimizer.param_groups for p in g["params"]])
    optimizer.step()
    moved = [not torch.equal(b, p) for b, p in zip(before, network.parameters(), strict=True)]
    assert moved == [False, False, True, True]


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match=r"among the network's modules, such as encoder, but got \['encodr'\]"):
        PartOptimizer(ADAMW, toy(), {"encodr": {"lr": 1.0}})


def test_without_parts_the_groups_are_the_given_ones():
    network = toy()
    parameters = list(network.parameters())
    make = PartOptimizer(ADAMW, network, {})
    assert make.groups(parameters) == [{"params": parameters}]
    assert make.groups([{"params": parameters, "lr": 1.0}]) == [{"params": parameters, "lr": 1.0}]


def test_groups_for_an_optimizer_per_task_are_not_shared():
    network = toy()
    groups = PartOptimizer(ADAMW, network, {"encoder": {"lr": 5e-4}}).groups(network.parameters())
    tasks = [SimpleNamespace(name="disc"), SimpleNamespace(name="cup")]
    group = OptimizerGroup.per_task(tasks, groups, ADAMW)
    torch.optim.lr_scheduler.ConstantLR(group, factor=0.5)
    assert [g["lr"] for g in group.param_groups] == [2.5e-4, 1e-3] * 2
