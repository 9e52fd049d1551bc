"""FAMO: loss weights that let all losses decrease at the same relative rate, with one backward pass per step.

Source: Liu, Feng, Stone, Liu, FAMO: Fast Adaptive Multitask Optimization, NeurIPS 2023, algorithm 1, and the authors'
code for what the paper leaves open (Adam for the logits).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.weighting._precision import widest


class FAMO:
    r"""Weigh the losses by learned logits :math:`\xi` and their inverse, from the decrease of the last step.

    With :math:`z = softmax(\xi)`, the step is along :math:`c \sum_i z_i \nabla \log L_i` with
    :math:`c = (\sum_i z_i / L_i)^{-1}`. It is the gradient of :math:`\sum_i \lambda_i L_i` with constant weights

    .. math:: \lambda_i = K \frac{z_i / L_i}{\sum_j z_j / L_j} = K \, softmax(\xi - \log L)_i

    (the factor K gives the scale of the plain sum; the paper's weights add up to one). After the step, the losses of
    the same batch give :math:`\delta_i = \log L_i - \log L_i'`, and Adam with weight decay, as in the code, moves the
    logits along :math:`\partial z / \partial \xi^T \delta`: a task whose loss decreased more than the average loses
    weight. The paper prints plain gradient descent.

    The trainer calls ``after_step`` with the new losses. K, z and the sums include only the tasks of the batch, and
    only their logits move; a new task has the logit zero. A loss that is not positive or not finite has no logarithm:
    its weight is one and its logit stays. The code's 1e-8 inside the logarithm is left out, so that a common scale of
    the losses has no effect.

    Args:
        lr: Learning rate of the logits.
        decay: :math:`\gamma`, the weight decay of the logits.
        betas: Adam's decay rates of the mean and of the mean square.

    Raises:
        ValueError: if ``lr`` or ``decay`` is negative, or a beta is outside 0..1.
    """

    needs_gradient_norms = False

    def __init__(self, lr: float = 0.025, decay: float = 0.01, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        for name, value in (("lr", lr), ("decay", decay)):
            if not value >= 0:
                raise ValueError(f"{name} of FAMO: expected at least 0, but got {value}.")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas of FAMO: expected two numbers from 0 to below 1, but got {betas}.")
        self.lr, self.decay, self.betas = lr, decay, betas
        self._states: dict[str, Tensor] = {}  # task: logit, Adam's two moments, number of its steps
        self._before: dict[str, Tensor] = {}

    def __call__(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``; ``gradient_norms`` is not used."""
        values = torch.stack(list(losses.values()))
        wide = values.detach().to(widest(values.device))
        self._before = dict(zip(losses, wide.unbind(), strict=True))
        usable = wide.isfinite() & (wide > 0)
        shares = _softmax(self._recall(list(losses), wide)[:, 0] - wide.log(), usable)
        weights = torch.where(usable, usable.sum() * shares, 1.0)
        return (weights.to(values.dtype) * values).sum()

    def after_step(self, losses: Mapping[str, Tensor]) -> None:
        """Move the logits by the losses ``{task: loss ()}`` of the same batch with the new weights."""
        tasks = [task for task in self._before if task in losses]
        if tasks:
            before = torch.stack([self._before[task] for task in tasks])
            after = torch.stack([losses[task].detach().to(before) for task in tasks])
            states = self._adam(self._recall(tasks, before), before.log() - after.log())
            self._states.update(zip(tasks, states.unbind(), strict=True))
        self._before = {}

    def _adam(self, states: Tensor, decrease: Tensor) -> Tensor:
        """Return the states ``(K, 4)`` after a step of Adam, unchanged where the decrease ``(K,)`` is not finite."""
        usable = decrease.isfinite()
        decrease = torch.where(usable, decrease, 0.0)
        logits, mean, square, steps = states.unbind(1)
        shares = _softmax(logits, usable)
        slope = shares * (decrease - (shares * decrease).sum()) + self.decay * logits
        first, second = self.betas
        mean, square, steps = mean.lerp(slope, 1 - first), square.lerp(slope.square(), 1 - second), steps + 1
        size = (square / (1 - second**steps)).sqrt() + 1e-8
        moved = logits - self.lr * mean / (1 - first**steps) / size
        return torch.where(usable[:, None], torch.stack([moved, mean, square, steps], dim=1), states)

    def _recall(self, tasks: Sequence[str], like: Tensor) -> Tensor:
        return torch.stack([self._states[t].to(like) if t in self._states else like.new_zeros(4) for t in tasks])

    @property
    def logits(self) -> dict[str, float]:
        """Logits of the tasks, no unit; a task that is missing here has the logit zero."""
        return {task: state[0].item() for task, state in self._states.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the logit, Adam's moments and the number of steps by task."""
        return {"states": {task: state.tolist() for task, state in self._states.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        self._before = {}
        self._states = {task: torch.tensor(v, dtype=torch.float64) for task, v in state_dict["states"].items()}


def _softmax(logits: Tensor, usable: Tensor) -> Tensor:
    """Return the softmax over the usable entries, 0 for the others."""
    # The lowest number instead of minus infinity: the softmax of nothing but -inf would be NaN.
    lowest = torch.finfo(logits.dtype).min
    return torch.where(usable, torch.where(usable, logits, lowest).softmax(0), 0.0)
