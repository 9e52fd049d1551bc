"""Methods do not depend on photographs: three tasks on a table of patients that comes with scikit-learn.

From seven columns of the diabetes data (Efron 2004): the progression of the disease (a), the body mass index (b) and the
sex (c), whose columns are left out. Every method must predict patients that it was not trained on better than the mean
of the training patients does.
"""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_diabetes
from torch import nn

from fundus_mtl.engines import CooperativeTrainer
from fundus_mtl.networks._owned_layer import OwnedLayer
from fundus_mtl.networks._task_network import SplitNetwork, TaskNetwork
from fundus_mtl.optim import OptimizerGroup
from fundus_mtl.tasks import Task
from tests.engines.methods import METHODS, SGD, make
from tests.engines.toy import PlainLoss, build, double_mse

TASKS = (
    Task("a", 1, "regression", double_mse, "none"),
    Task("b", 1, "regression", double_mse, "none"),
    Task("c", 1, "classification", nn.functional.binary_cross_entropy_with_logits),
)
SEX, INDEX = 1, 2  # columns
TRAINING = 300  # patients, of 442


class Table(TaskNetwork):
    """A hidden layer for all tasks, and a linear layer for each."""

    def __init__(self):
        super().__init__(TASKS)
        torch.manual_seed(0)
        self.encoder = nn.Sequential(OwnedLayer(lambda own: nn.Linear(8, own), 12, self.owners), nn.Tanh())
        self.heads = nn.ModuleDict({task.name: nn.Linear(12, 1) for task in TASKS})
        self.double()

    def forward(self, image, tasks=None):
        features = self.encoder(image)
        return {task.name: self.heads[task.name](features) for task in self._wanted(tasks)}


class SplitTable(SplitNetwork, Table):
    """A share of the hidden layer per task."""


@pytest.fixture(scope="module")
def patients():
    """Inputs and labels of all patients in a random order, standardised: dictionaries of tensors."""
    table, progression = load_diabetes(return_X_y=True, scaled=False)
    inputs = [column for column in range(10) if column not in (SEX, INDEX)]
    values = torch.as_tensor(table[:, [*inputs, INDEX]], dtype=torch.float64)
    values = torch.cat([values, torch.as_tensor(progression, dtype=torch.float64)[:, None]], dim=1)
    values = (values - values[:TRAINING].mean(0)) / values[:TRAINING].std(0)
    sex = torch.as_tensor(table[:, SEX] - 1, dtype=torch.float64)
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(1))
    return [
        {"image": values[i, :8], "a": values[i, 9:], "b": values[i, 8:9], "c": sex[i : i + 1]}
        | {f"{task.name}_present": torch.tensor(True) for task in TASKS}
        for i in order
    ]


def check(network, patients):
    """Compare the losses on other patients with those of the best constants of the training patients."""
    train, test = patients[:TRAINING], patients[TRAINING:]
    with torch.no_grad():
        answers = network.eval()(torch.stack([item["image"] for item in test]))
    for task in TASKS:
        label = torch.stack([item[task.name] for item in test])
        mean = torch.stack([item[task.name] for item in train]).mean()
        constant = mean.logit() if task.kind == "classification" else mean
        found, trivial = task.loss(answers[task.name], label), task.loss(constant.expand(label.shape), label)
        assert found < 0.97 * trivial, task.name


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_a_table(method, patients):
    given = {"items": patients[:TRAINING], "batch_size": 30, "epochs": 8, "loss_function": PlainLoss(TASKS)}
    trainer = make(method, Table(), tasks=TASKS, shuffle=True, **given)
    trainer.run()
    check(trainer.network, patients)


def test_mt_cool_learns_a_table(patients):
    trainer = build(
        CooperativeTrainer,
        lambda n: OptimizerGroup.per_share(TASKS, n, SGD),
        network=SplitTable(),
        items=patients[:TRAINING],
        batch_size=30,
        epochs=8,
        shuffle=True,
        loss_function=PlainLoss(TASKS),
        tasks=TASKS,
        warmup_iterations=20,
        samples=1,
        kl_weight=0.0,  # regressions have no divergence
    )
    trainer.run()
    check(trainer.network, patients)
