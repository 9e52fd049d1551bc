"""Losses per task, taken over the samples that have the task's label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.tasks import Activation, Task


class MultiTaskLoss:
    """Compute each task's loss over its labelled samples.

    A task without any labelled sample in the batch is absent from the answer: it has no loss, hence no gradient, and no
    state of a method moves for it. Samples are taken by index, because ``NaN * 0`` would still be NaN.

    Args:
        tasks: whose losses to compute; predictions of other tasks are ignored.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tuple(tasks)

    def __call__(
        self, logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], presence: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return ``{task: mean loss ()}`` of the tasks that are predicted and have a label.

        Args:
            logits: of shape ``(B, channels, ...)`` per task.
            labels: of the same shapes.
            presence: bool ``(B,)`` per task, best kept on the CPU, where counting it does not wait for a GPU.
        """
        losses = {}
        for task in self.tasks:
            if task.name in logits and bool(presence[task.name].any()):
                rows = presence[task.name]
                # Losses are summed over pixels: half precision would overflow there.
                losses[task.name] = task.loss(
                    _labelled(logits[task.name], rows).float(), _labelled(labels[task.name], rows).float()
                )
        return losses


def _labelled(values: Tensor, rows: Tensor) -> Tensor:
    return values if bool(rows.all()) else values[rows.nonzero(as_tuple=True)[0].to(values.device)]


def log_outcomes(logits: Tensor, activation: Activation) -> Tensor:
    """Return the log-probability of every outcome, outcomes along axis 1.

    Args:
        logits: ``(N, C, ...)``.
        activation: ``softmax``, one of C outcomes, ``(N, C, ...)``; ``sigmoid``, yes or no for each channel,
            ``(N, 2, C, ...)``.

    Raises:
        ValueError: if the activation makes no probabilities.
    """
    if activation == "softmax":
        return logits.log_softmax(dim=1)
    if activation == "sigmoid":
        return torch.stack([F.logsigmoid(logits), F.logsigmoid(-logits)], dim=1)
    raise ValueError(f"activation: expected softmax or sigmoid, but got {activation!r}; it makes no probabilities.")


def divergence_from(samples: Sequence[Tensor], activation: Activation, reference: Tensor | None = None) -> Tensor:
    r"""Compute how far M predictions of a batch lie from a reference: :math:`\frac1M \sum_j KL(y_j \Vert r)`, shape ``()``.

    Per prediction it is the mean over samples, pixels and, for ``sigmoid``, channels. Without a reference r is the mean of
    the M predictions, and the result their generalised Jensen-Shannon divergence: 0 for M = 1.

    Args:
        samples: logits, M times ``(N, C, ...)``.
        activation: what makes probabilities of them.
        reference: logits of the same shape, taken as a constant.
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

    ``peak_weight=0`` is MTL-IO's fovea loss as its code has it (the paper prints a sum over pixels). That mean is almost
    blind to a bump that covers 1 % of the map: an empty map is a good answer for long, so short trainings want the
    bump's pixels to count ``1 + peak_weight`` times.

    Args:
        peak_weight: w, no unit.
    """

    def forward(self, logits: Tensor, heatmap: Tensor) -> Tensor:
        """Return the mean over all pixels, shape ``()``, of logits and heatmap ``(N, C, H, W)``."""
        error = (logits.sigmoid() - heatmap).abs()
        return torch.mean(error * (1 + self.peak_weight * heatmap))


class HeatmapBCELoss(_PeakWeighted):
    r"""Cross-entropy between logits and a heatmap's heights, the bump's pixels weighted :math:`1 + w y`.

    Its least value is where the sigmoid equals the heatmap, whatever w. Unlike the L1's, its gradient does not vanish where
    the network is sure of an empty map, so that a sparse bump is found within a few hundred steps.

    Args:
        peak_weight: w, no unit.
    """

    def forward(self, logits: Tensor, heatmap: Tensor) -> Tensor:
        """Return the mean over all pixels, shape ``()``, of logits and heatmap ``(N, C, H, W)``."""
        return F.binary_cross_entropy_with_logits(logits, heatmap, weight=1 + self.peak_weight * heatmap)
