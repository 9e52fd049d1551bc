"""Losses per task, computed over the samples that have the task's label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.tasks import Activation, Task


class MultiTaskLoss:
    """Compute the loss of each task over its labelled samples.

    A task without a labelled sample in the batch is missing from the result: it has no loss and no gradient, and does
    not change the state of a method. Samples are selected by index, because ``NaN * 0`` would still be NaN.

    Args:
        tasks: Tasks whose losses are computed; predictions of other tasks are ignored.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tuple(tasks)

    def __call__(
        self, logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return ``{task: mean loss ()}`` of the tasks that are predicted and have a label.

        Args:
            logits: Logits ``(B, channels, ...)`` per task.
            labels: Labels per task, of the same shapes.
            presence: Which samples have the label, bool ``(B,)`` per task. Keep it on the CPU, where reading it does
                not synchronise with a GPU.
        """
        losses = {}
        for task in self.tasks:
            if task.name in logits and bool(presence[task.name].any()):
                rows = presence[task.name]
                # Losses are summed over pixels, where half precision would overflow.
                losses[task.name] = task.loss(
                    _labelled(logits[task.name], rows).float(), _labelled(labels[task.name], rows).float()
                )
        return losses


def _labelled(values: Tensor, rows: Tensor) -> Tensor:
    return values if bool(rows.all()) else values[rows.nonzero(as_tuple=True)[0].to(values.device, non_blocking=True)]


def log_outcomes(logits: Tensor, activation: Activation) -> Tensor:
    """Return the log-probability of every outcome, with the outcomes along axis 1.

    Args:
        logits: Logits ``(N, C, ...)``.
        activation: ``softmax`` for one of C outcomes, result ``(N, C, ...)``; ``sigmoid`` for two outcomes per channel,
            result ``(N, 2, C, ...)``.

    Raises:
        ValueError: if the activation does not give probabilities.
    """
    if activation == "softmax":
        return logits.log_softmax(dim=1)
    if activation == "sigmoid":
        return torch.stack([F.logsigmoid(logits), F.logsigmoid(-logits)], dim=1)
    raise ValueError(f"activation: expected softmax or sigmoid, but got {activation!r}, which gives no probabilities.")


def divergence_from(samples: Sequence[Tensor], activation: Activation, reference: Tensor | None = None) -> Tensor:
    r"""Return the divergence of M predictions from a reference, :math:`\frac1M \sum_j KL(y_j \Vert r)`, shape ``()``.

    The KL divergence is averaged over samples, pixels and, for ``sigmoid``, channels. Without a reference, r is the
    mean of the M predictions and the result is their generalised Jensen-Shannon divergence, 0 for M = 1.

    Args:
        samples: M tensors of logits ``(N, C, ...)``.
        activation: Activation that turns the logits into probabilities.
        reference: Logits of the same shape, treated as constant.
    """
    logs = torch.stack(
        [log_outcomes(logits.float() if logits.dtype.itemsize < 4 else logits, activation) for logits in samples]
    )
    if reference is None:
        target = logs.logsumexp(dim=0) - math.log(len(samples))
    else:
        target = log_outcomes(reference.detach().to(logs.dtype), activation)
    return (logs.exp() * (logs - target)).sum(dim=2).mean()


class _PeakWeighted(nn.Module):
    def __init__(self, peak_weight: float = 0.0) -> None:
        super().__init__()
        self.peak_weight = peak_weight


class HeatmapL1Loss(_PeakWeighted):
    r"""Mean absolute error between the sigmoid of logits and a heatmap, :math:`|\sigma(z) - y| (1 + w y)`.

    ``peak_weight=0`` is the fovea loss of MTL-IO's code (the paper prints a sum over pixels). That mean hardly depends
    on a peak that covers 1 % of the map, so that an empty map stays a good prediction for a long time. For short
    trainings, count the peak's pixels ``1 + peak_weight`` times.

    Args:
        peak_weight: w, the additional weight of a pixel with the height one, no unit.
    """

    def forward(self, logits: Tensor, heatmap: Tensor) -> Tensor:
        """Return the mean over all pixels, shape ``()``, of logits and heatmap ``(N, C, H, W)``."""
        error = (logits.sigmoid() - heatmap).abs()
        return torch.mean(error * (1 + self.peak_weight * heatmap))


class HeatmapBCELoss(_PeakWeighted):
    r"""Cross-entropy between logits and the heights y of a heatmap, with pixels weighted by :math:`1 + w y`.

    Its minimum is where the sigmoid equals the heatmap, for every w. Unlike the gradient of the L1 loss, its gradient
    does not vanish where the network predicts an empty map with certainty, so that a small peak is learned within a few
    hundred steps.

    Args:
        peak_weight: w, the additional weight of a pixel with the height one, no unit.
    """

    def forward(self, logits: Tensor, heatmap: Tensor) -> Tensor:
        """Return the mean over all pixels, shape ``()``, of logits and heatmap ``(N, C, H, W)``."""
        return F.binary_cross_entropy_with_logits(logits, heatmap, weight=1 + self.peak_weight * heatmap)
