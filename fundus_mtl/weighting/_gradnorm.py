"""GradNorm: learned loss weights that balance the gradient norms according to the training rates of the tasks.

Source: Chen, Badrinarayanan, Lee, Rabinovich, GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
Multitask Networks, ICML 2018, equations 1-2 and algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.weighting._precision import widest

_SMALLEST = 1e-3  # lower bound of a weight before renormalisation; the paper does not keep weights positive


class GradNorm:
    r"""Learn loss weights from the norms of the tasks' gradients at the last shared layer.

    With :math:`n_i` the norm of the gradient of the *unweighted* loss there, :math:`G_i = w_i n_i` and
    :math:`\tilde L_i = L_i / L_i(0)`, slower tasks have a larger :math:`r_i = \tilde L_i / mean(\tilde L)`:

    .. math:: w_i \leftarrow w_i - \eta \frac{\partial}{\partial w_i} \sum_j \lvert G_j - \bar G r_j^\alpha \rvert
        = w_i - \eta \, sign(G_i - \bar G r_i^\alpha) \, n_i

    The target :math:`\bar G r_i^\alpha` is treated as constant, so that no second differentiation is needed. The
    weights are then clamped to at least 1e-3 and renormalised to their previous sum. As in algorithm 1, the loss of an
    iteration uses the weights from *before* its update. Only the weights of the tasks in the batch change, and means
    and sums include only these tasks. A new task starts with the weight one, so that the weights of K tasks add up to
    K.

    :math:`L_i(0)` is the task's first finite loss; if it is zero, :math:`\tilde L_i` is one. No weight changes if a
    norm or loss is not finite (overflow under AMP) or the rates are undefined (all losses zero).

    The step is plain gradient descent, as in the paper. It grows with the common scale of the losses, and the norms
    must be those of losses *without* AMP's scale. ``normalise`` divides the step by :math:`\bar G`, which makes it
    independent of that scale; this is not in the paper.

    Args:
        alpha: Strength of the balancing, no unit; 0 equalises the norms.
        lr: :math:`\eta`, the learning rate of the weights.
        normalise: Whether to divide the step by :math:`\bar G`.

    Raises:
        ValueError: if ``alpha`` or ``lr`` is negative.
    """

    needs_gradient_norms = True

    def __init__(self, alpha: float = 1.5, lr: float = 0.025, *, normalise: bool = False) -> None:
        for name, value in (("alpha", alpha), ("lr", lr)):
            if not value >= 0:
                raise ValueError(f"{name} of GradNorm: expected at least 0, but got {value}.")
        self.alpha, self.lr, self.normalise = alpha, lr, normalise
        self._weights: dict[str, Tensor] = {}
        self._initial: dict[str, Tensor] = {}

    def __call__(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``, then update the weights.

        Raises:
            ValueError: if a loss has no entry in ``gradient_norms``, ``{task: norm ()}``.
        """
        missing = [task for task in losses if task not in (gradient_norms or {})]
        if gradient_norms is None or missing:
            raise ValueError(
                f"GradNorm: expected a gradient norm for each of {list(losses)}, but got none for {missing}; train with a "
                "trainer that passes them."
            )
        values = torch.stack(list(losses.values()))
        wide = values.detach().to(widest(values.device))
        norms = torch.stack([gradient_norms[task].detach().to(wide) for task in losses])
        weights = self._recall(self._weights, losses, 1.0, wide)
        self._move(list(losses), weights, wide, norms)
        return (weights.to(values.dtype) * values).sum()

    def _move(self, tasks: list[str], weights: Tensor, losses: Tensor, norms: Tensor) -> None:
        """Update the weights ``(T,)`` without synchronising with the device."""
        initial = self._recall(self._initial, tasks, math.nan, losses)
        initial = torch.where(initial.isnan() & losses.isfinite(), losses, initial)
        left = torch.where(initial == 0, 1.0, losses / initial)
        rates = left / left.mean()
        weighted = weights * norms
        gap = weighted - weighted.mean() * rates**self.alpha
        slope = gap.sign() * norms
        if self.normalise:
            slope = slope / weighted.mean()
        moved = (weights - self.lr * slope).clamp(min=_SMALLEST)
        moved = moved * (weights.sum() / moved.sum())
        # Check all three: the sign of NaN is 0, and NaN to the power of 0 is 1.
        sound = torch.stack([moved, gap, losses]).isfinite().all()
        self._weights.update(zip(tasks, torch.where(sound, moved, weights).unbind(), strict=True))
        self._initial.update(zip(tasks, initial.unbind(), strict=True))

    @staticmethod
    def _recall(kept: Mapping[str, Tensor], tasks: Any, default: float, like: Tensor) -> Tensor:
        return torch.stack([kept[task].to(like) if task in kept else like.new_tensor(default) for task in tasks])

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the tasks in the next iteration; a task that is missing here has the weight one."""
        return {task: weight.item() for task, weight in self._weights.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights and the initial losses by task; NaN where no loss has been finite so far."""
        return {"weights": self.weights, "initial": {task: loss.item() for task, loss in self._initial.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        for kept, name in ((self._weights, "weights"), (self._initial, "initial")):
            kept.clear()
            kept.update({task: torch.tensor(value, dtype=torch.float64) for task, value in state_dict[name].items()})
