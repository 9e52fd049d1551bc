"""Fixtures of tests with MLflow: one database for the whole session, since creating one takes eight seconds."""

from __future__ import annotations

import pytest
import torch


class Linear(torch.nn.Linear):
    """Three numbers in, one out."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(3, 1)


def batches(count=4):
    torch.manual_seed(1)
    return [{"image": torch.rand(2, 3), "label": torch.rand(2, 1)} for _ in range(count)]


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory):
    from monai.utils import path_to_sqlite_uri

    return path_to_sqlite_uri(tmp_path_factory.mktemp("tracking store") / "runs.db")


@pytest.fixture
def experiment(request):
    return request.node.name


@pytest.fixture
def client(tracking_uri):
    from fundus_mtl.tracking import close_client, open_client

    opened = open_client(tracking_uri)
    yield opened
    close_client(opened)


@pytest.fixture
def make_engines():
    """Return a maker of (trainer, evaluator): the evaluator's key metric is what the test says for each epoch."""
    from ignite.metrics import Average
    from monai.engines import SupervisedEvaluator, SupervisedTrainer

    def make(handlers, metrics=(0.5, 0.7, 0.6), epochs=3, update=None, evaluator_handlers=None):
        network = Linear()
        evaluator = SupervisedEvaluator(
            device="cpu",
            val_data_loader=batches(1),
            network=network,
            key_val_metric={"val/dice": Average(lambda _: metrics[evaluator.state.epoch - 1])},
            val_handlers=handlers if evaluator_handlers is None else evaluator_handlers,
        )
        trainer = SupervisedTrainer(
            device="cpu",
            max_epochs=epochs,
            train_data_loader=batches(),
            network=network,
            optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
            loss_function=torch.nn.MSELoss(),
            iteration_update=update,
            train_handlers=handlers,
        )

        @trainer.on("EPOCH_COMPLETED")
        def validate(engine):
            evaluator.run(engine.state.epoch)

        return trainer, evaluator

    return make
