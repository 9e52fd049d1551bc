"""MONAI's own MLFlowHandler works with every trainer of ours."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from monai.handlers import MLFlowHandler

from fundus_mtl.engines import IndependentTrainer, JointTrainer
from fundus_mtl.metrics import NegativeLossSum, task_losses
from fundus_mtl.optim import OptimizerGroup
from tests.engines.toy import TASKS, build

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
ADAM = partial(torch.optim.Adam, lr=1e-2)


@pytest.mark.parametrize(
    "trainer, optimizer",
    [
        (JointTrainer, lambda n: ADAM(n.parameters())),
        (IndependentTrainer, lambda n: OptimizerGroup.per_task(TASKS, n.parameters(), ADAM)),
    ],
    ids=["joint", "mtl_io"],
)
def test_the_stock_handler(trainer, optimizer, tracking_uri, experiment, client):
    handler = MLFlowHandler(
        tracking_uri, experiment_name=experiment, output_transform=lambda out: out[0]["loss"], close_on_complete=True
    )
    made = build(
        trainer,
        optimizer,
        key_train_metric={"train/score": NegativeLossSum(TASKS)},
        additional_metrics=task_losses(TASKS, "train/"),
        train_handlers=[handler],
    )
    made.run()
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert run.info.status == "FINISHED"
    assert {"train/score", "train/loss_a", "train/loss_c", "lr_group_0"} <= set(run.data.metrics)
