"""Losses, learning rates and metrics of a run, collected in memory and sent to MLflow once per epoch."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping
from typing import Any

from fundus_mtl.tracking import TrackingError, answers, log_records, metric_records, scalars, tracking_errors

_logger = logging.getLogger(__name__)


class RunMetrics:
    """Metrics that have not been sent yet, and the sums for the mean losses of the current epoch.

    Args:
        client: client of MLflow.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pending: list[Any] = []
        self._sums: dict[str, tuple[float, int]] = {}
        self._away = False

    def keep(self, values: Mapping[str, Any], step: int) -> None:
        """Keep metrics for the next `send`; values of any kind that `fundus_mtl.tracking.scalars` can flatten."""
        self._pending += metric_records(scalars(values), step)

    def add(self, losses: Mapping[str, float]) -> None:
        """Add the losses of one iteration to the means of the epoch."""
        for name, loss in losses.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + loss, count + 1

    def end_epoch(self, step: int, measured: Container[str] = ()) -> None:
        """Keep ``train/<loss>``, the mean over the iterations that had the loss, and reset the sums.

        Args:
            step: number of the epoch.
            measured: names of metrics that the engine computes itself, weighted by labelled samples; they are skipped.
        """
        means = {f"train/{name}": total / count for name, (total, count) in self._sums.items()}
        self.keep({name: mean for name, mean in means.items() if name not in measured}, step)
        self._sums = {}

    def send(self, run_id: str) -> None:
        """Send the metrics; if MLflow does not answer, log one warning and keep them for the next call."""
        if not answers(str(self._client.tracking_uri)):
            self._keep_for_later("no answer")
            return
        try:
            with tracking_errors():
                log_records(self._client, run_id, self._pending)
        except TrackingError as error:
            self._keep_for_later(str(error))
            return
        self._pending = []
        if self._away:
            self._away = False
            _logger.warning("MLflow answers again; all metrics so far have been sent.")

    def _keep_for_later(self, reason: str) -> None:
        if not self._away:
            self._away = True
            _logger.warning(
                "Expected MLflow to take %d metrics, but got: %s. The training continues and keeps them; start the tracking "
                "server again before the training ends.",
                len(self._pending),
                reason,
            )


def losses(output: Any) -> dict[str, float]:
    """Return ``loss`` and ``loss_<task>``, and a method's own ``weight_<task>`` and ``divergence_<task>``.

    Args:
        output: output of an engine: a dictionary, or the list that it was decollated to.
    """
    sample = output[0] if isinstance(output, (list, tuple)) and output else output
    if not isinstance(sample, Mapping):
        return {}
    prefixes = ("loss_", "weight_", "divergence_")
    return scalars({str(key): value for key, value in sample.items() if key == "loss" or str(key).startswith(prefixes)})


def learning_rates(optimizer: Any) -> dict[str, float]:
    """Return ``lr/<name>`` of every parameter group; a group without a name is numbered."""
    return {f"lr/{group.get('name', i)}": float(group["lr"]) for i, group in enumerate(optimizer.param_groups)}
