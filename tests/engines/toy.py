"""A small two-branch network on vectors, in float64 and without batch norm, for which every step can be checked."""

from __future__ import annotations

import torch
from monai.data import DataLoader, Dataset
from torch import nn

from fundus_mtl.engines import PrepareMultiTaskBatch
from fundus_mtl.losses import MultiTaskLoss
from fundus_mtl.tasks import Task

NAMES = ("a", "b", "c")


class Branches(nn.Module):
    """A shared layer and one head per task; records which heads were run."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.shared = nn.Linear(4, 5, dtype=torch.float64)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(5, 1, dtype=torch.float64) for name in NAMES})
        self.ran: list[str] = []

    def forward(self, image, tasks=None):
        shared = self.dropout(self.shared(image).tanh())
        self.ran += list(tasks or NAMES)
        return {name: self.heads[name](shared) for name in tasks or NAMES}


class Forked(nn.Module):
    """A trunk for three tasks, a decoder for two of them, and heads: two sharing groups, as in the four-task U-Net."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.trunk = nn.Linear(4, 5, dtype=torch.float64)
        self.decoder = nn.Linear(5, 6, dtype=torch.float64)
        sizes = {"a": 6, "b": 6, "c": 5}
        self.heads = nn.ModuleDict({name: nn.Linear(size, 1, dtype=torch.float64) for name, size in sizes.items()})

    def forward(self, image, tasks=None):
        tasks = tasks or NAMES
        trunk = self.trunk(image).tanh()
        decoded = self.decoder(trunk).tanh() if set(tasks) & {"a", "b"} else None
        return {name: self.heads[name](trunk if name == "c" else decoded) for name in tasks}


class Split(nn.Module):
    """Two layers owned in shares of two by three tasks, all shares feeding everyone; binary heads."""

    def __init__(self, norm: bool = False) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.first = nn.ModuleDict({name: nn.Linear(4, 2, dtype=torch.float64) for name in NAMES})
        self.second = nn.ModuleDict({name: nn.Linear(6, 2, dtype=torch.float64) for name in NAMES})
        self.norms = nn.ModuleDict({name: nn.BatchNorm1d(2, dtype=torch.float64) for name in NAMES} if norm else {})
        self.heads = nn.ModuleDict({name: nn.Linear(6, 1, dtype=torch.float64) for name in NAMES})

    def forward(self, image, tasks=None):
        hidden = torch.cat([share(image) for share in self.first.values()], dim=1).tanh()
        shares = {name: share(hidden) for name, share in self.second.items()}
        hidden = torch.cat([self.norms[n](v) if n in self.norms else v for n, v in shares.items()], dim=1).tanh()
        return {name: self.heads[name](hidden) for name in tasks or NAMES}

    def task_parameters(self, name):
        norm = self.norms[name].parameters() if name in self.norms else ()
        theta = [*self.first[name].parameters(), *self.second[name].parameters(), *norm]
        return theta, list(self.heads[name].parameters())


def binary(logits, labels):
    return nn.functional.binary_cross_entropy_with_logits(logits, (labels > 0).to(logits))


BINARY = tuple(Task(name, 1, "classification", binary) for name in NAMES)


def double_mse(logits, labels):
    return nn.functional.mse_loss(logits.double(), labels.double())


TASKS = tuple(Task(name, 1, "regression", double_mse, "none") for name in NAMES)


class PlainLoss(MultiTaskLoss):
    """As MultiTaskLoss, without its cast to float32, so that float64 tests stay exact."""

    def __call__(self, logits, labels, presence):
        return {
            t.name: t.loss(logits[t.name][presence[t.name]], labels[t.name][presence[t.name]])
            for t in self.tasks
            if t.name in logits and presence[t.name].any()
        }


def samples(count=6, missing=()):
    """Seeded samples; `missing` holds (index, task) pairs without a label."""
    generator = torch.Generator().manual_seed(1)
    items = []
    for i in range(count):
        item = {"image": torch.randn(4, generator=generator, dtype=torch.float64)}
        for name in NAMES:
            item[name] = torch.randn(1, generator=generator, dtype=torch.float64)
            item[f"{name}_present"] = torch.tensor((i, name) not in missing)
        items.append(item)
    return items


def build(trainer, optimizer_of, items=None, network=None, batch_size=3, epochs=2, shuffle=False, **options):
    """Make a trainer on the toy network."""
    network = network or Branches()
    return trainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(Dataset(items or samples()), batch_size=batch_size, shuffle=shuffle),
        network=network,
        optimizer=optimizer_of(network),
        loss_function=options.pop("loss_function", PlainLoss(TASKS)),
        prepare_batch=PrepareMultiTaskBatch(TASKS),
        **options,
    )


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same(one, other):
    """Bit-identical state dicts."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def gradients_by_hand(items):
    """Each task's gradient on the forked network, by backward() on its loss alone: {task: {parameter: gradient}}."""
    found = {}
    for name in NAMES:
        network = Forked()
        rows = [item for item in items if item[f"{name}_present"]]
        if rows:
            answers = network(torch.stack([item["image"] for item in rows]))
            torch.nn.functional.mse_loss(answers[name], torch.stack([item[name] for item in rows])).backward()
            found[name] = {key: p.grad for key, p in network.named_parameters() if p.grad is not None}
    return found


def overflowing(tasks=("b",)):
    """A loss whose gradients are infinite for some tasks, and finite for the others."""
    plain = PlainLoss(TASKS)

    def loss(logits, labels, presence):
        losses = plain(logits, labels, presence)
        return {n: value * float("inf") if n in tasks else value for n, value in losses.items()}

    return loss
