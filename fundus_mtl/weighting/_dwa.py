"""Dynamic weight average (DWA): a larger weight for tasks whose loss decreases more slowly.

Source: Liu, Johns, Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, equation 7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.weighting._precision import widest


class DWA:
    r"""Weigh the losses by their change over the last two epochs, :math:`\lambda_k = K \, softmax_k(w_k / T)`.

    :math:`w_k = L_k(e-1) / L_k(e-2)`, where :math:`L_k(e)` is the mean unweighted loss in epoch :math:`e` over the
    iterations in which the task had a label and a finite loss. ``start_epoch()`` ends the previous epoch and starts
    the next. A task without any label in an epoch keeps its two latest means.

    The softmax runs over the :math:`K` tasks that have two means. The other tasks have the weight one, as all tasks do
    in the first two epochs. So the weights of all tasks always add up to their number. Where :math:`w_k` is not finite
    (a mean of zero two epochs ago) it is replaced by one, because the rate is unknown.

    Args:
        temperature: :math:`T`, no unit; a larger value makes the weights more equal.

    Raises:
        ValueError: if the temperature is not positive.
    """

    needs_gradient_norms = False

    def __init__(self, temperature: float = 2.0) -> None:
        if not temperature > 0:
            raise ValueError(f"temperature of DWA: expected more than 0, but got {temperature}.")
        self.temperature = temperature
        self._means: dict[str, list[float]] = {}
        self._running: dict[str, Tensor] = {}  # (sum, count) on the losses' device: no synchronisation per iteration

    def __call__(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``, and record the losses."""
        weights = self.weights
        for task, loss in losses.items():
            self._note(task, loss.detach())
        return torch.stack([weights.get(task, 1.0) * loss for task, loss in losses.items()]).sum()

    def _note(self, task: str, loss: Tensor) -> None:
        value = loss.to(widest(loss.device))
        finite = value.isfinite()
        seen = torch.stack([torch.where(finite, value, 0.0), finite.to(value.dtype)])
        self._running[task] = seen + self._running[task].to(seen) if task in self._running else seen

    def start_epoch(self) -> None:
        """End the current epoch: its mean losses become the latest ones."""
        for task, running in self._running.items():
            total, count = running.tolist()
            if count:
                self._means[task] = [*self._means.get(task, []), total / count][-2:]
        self._running = {}

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the tasks in this epoch; a task that is missing here has the weight one."""
        rates = {task: self._rate(*means) for task, means in self._means.items() if len(means) == 2}
        largest = max(rates.values(), default=0.0)
        powers = {task: math.exp((rate - largest) / self.temperature) for task, rate in rates.items()}
        return {task: len(powers) * power / math.fsum(powers.values()) for task, power in powers.items()}

    @staticmethod
    def _rate(before: float, latest: float) -> float:
        rate = latest / before if before else math.nan
        return rate if math.isfinite(rate) else 1.0

    def state_dict(self) -> dict[str, Any]:
        """Return the latest means and the running sums and counts by task."""
        return {
            "means": {task: list(means) for task, means in self._means.items()},
            "running": {task: running.tolist() for task, running in self._running.items()},
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        self._means = {task: list(means) for task, means in state_dict["means"].items()}
        self._running = {
            task: torch.tensor(running, dtype=torch.float64) for task, running in state_dict["running"].items()
        }
