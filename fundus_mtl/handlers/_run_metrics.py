"""What a run draws: losses and learning rates, gathered cheaply and sent an epoch at a time."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from typing import Any

from fundus_mtl.tracking import log_records, metric_records, scalars

_logger = logging.getLogger(__name__)


class RunMetrics:
    """Metrics that wait to be sent, and the sums behind the mean losses of the present epoch.

    Args:
        client: of MLflow.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pending: list[Any] = []
        self._sums: dict[str, tuple[float, int]] = {}

    def keep(self, values: Mapping[str, Any], step: int) -> None:
        """Keep metrics, of any kind that `scalars` can flatten, for the next `send`."""
        self._pending += metric_records(scalars(values), step)

    def add(self, losses: Mapping[str, float]) -> None:
        """Count the losses of one iteration into the epoch's means."""
        for name, loss in losses.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + loss, count + 1

    def end_epoch(self, step: int, measured: Container[str] = ()) -> None:
        """Keep ``train_<loss>``, the mean over the iterations that had the loss, and begin anew.

        Args:
            step: the epoch.
            measured: names that a metric of the engine answers for already, weighted by labelled samples.
        """
        means = {f"train_{name}": total / count for name, (total, count) in self._sums.items()}
        self.keep({name: mean for name, mean in means.items() if name not in measured}, step)
        self._sums = {}

    def send(self, run_id: str) -> None:
        """Send what waits; a server that is away for a while must not cost the training, so that it goes on waiting."""
        from mlflow.exceptions import MlflowException

        try:
            log_records(self._client, run_id, self._pending)
            self._pending = []
        except MlflowException as error:
            _logger.warning("%d metrics kept back, MLflow could not be reached: %s", len(self._pending), error)


def losses(output: Any) -> dict[str, float]:
    """Return ``loss``, ``loss_<task>`` and what a method says of them, ``weight_<task>`` and ``divergence_<task>``.

    Args:
        output: of an engine, a dictionary or the list it decollates to.
    """
    sample = output[0] if isinstance(output, (list, tuple)) and output else output
    if not isinstance(sample, Mapping):
        return {}
    told = ("loss_", "weight_", "divergence_")
    return scalars({str(key): value for key, value in sample.items() if key == "loss" or str(key).startswith(told)})


def learning_rates(optimizer: Any) -> dict[str, float]:
    """Return ``lr_<name>`` of every parameter group, by its number where it has no name."""
    return {f"lr_{group.get('name', i)}": float(group["lr"]) for i, group in enumerate(optimizer.param_groups)}
