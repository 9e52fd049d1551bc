"""GradNorm: loss weights that bring the tasks' gradients to norms which suit their rates of training.

Source: Chen, Badrinarayanan, Lee, Rabinovich, GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask
Networks, ICML 2018, equations 1-2 and algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.weighting._precision import widest

_SMALLEST = 1e-3  # of a weight, before all are renormalised; the paper does not keep them positive


class GradNorm:
    r"""Learn loss weights from the norms of the tasks' gradients at the last shared layer.

    With :math:`n_i` the norm of the *unweighted* loss's gradient there, :math:`G_i = w_i n_i` and :math:`\tilde L_i =
    L_i / L_i(0)`, the slower tasks being those of larger :math:`r_i = \tilde L_i / mean(\tilde L)`:

    .. math:: w_i \leftarrow w_i - \eta \frac{\partial}{\partial w_i} \sum_j \lvert G_j - \bar G r_j^\alpha \rvert
        = w_i - \eta \, sign(G_i - \bar G r_i^\alpha) \, n_i

    the target :math:`\bar G r_i^\alpha` held constant, so that no second differentiation is needed. The weights are then
    kept above 1e-3 and renormalised to their sum before. As in algorithm 1, an iteration's loss is weighed by the weights
    from *before* its update. Only the tasks present move, and means and sums are over them; a new task enters with one, so
    that the weights of K tasks add up to K.

    :math:`L_i(0)` is a task's first finite loss; where it is zero, :math:`\tilde L_i` counts as one. A norm or loss that is
    not finite (overflow under AMP) lets no weight move, and neither do rates that are not defined (all losses zero).

    The step is the paper's plain gradient descent: it grows with the losses' common scale, and the norms must be those of
    losses *without* AMP's scale. ``normalise`` divides it by :math:`\bar G`, which frees it of that scale; not in the paper.

    Args:
        alpha: how strongly slow tasks are pulled along, no unit; 0 equalises the norms.
        lr: :math:`\eta`.
        normalise: whether to divide the step by :math:`\bar G`.

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
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``, then move the weights.

        Raises:
            ValueError: if a loss has no gradient norm, ``{task: norm ()}``.
        """
        missing = [task for task in losses if task not in (gradient_norms or {})]
        if gradient_norms is None or missing:
            raise ValueError(
                f"GradNorm: expected a gradient norm for each of {list(losses)}, but got none for {missing}; train with a "
                "trainer that hands them over."
            )
        values = torch.stack(list(losses.values()))
        wide = values.detach().to(widest(values.device))
        norms = torch.stack([gradient_norms[task].detach().to(wide) for task in losses])
        weights = self._recall(self._weights, losses, 1.0, wide)
        self._move(list(losses), weights, wide, norms)
        return (weights.to(values.dtype) * values).sum()

    def _move(self, tasks: list[str], weights: Tensor, losses: Tensor, norms: Tensor) -> None:
        """Update the weights ``(T,)``, without waiting for the device."""
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
        # Each for itself: the sign of NaN is 0, and NaN to the power of 0 is 1.
        sound = torch.stack([moved, gap, losses]).isfinite().all()
        self._weights.update(zip(tasks, torch.where(sound, moved, weights).unbind(), strict=True))
        self._initial.update(zip(tasks, initial.unbind(), strict=True))

    @staticmethod
    def _recall(kept: Mapping[str, Tensor], tasks: Any, default: float, like: Tensor) -> Tensor:
        return torch.stack([kept[task].to(like) if task in kept else like.new_tensor(default) for task in tasks])

    @property
    def weights(self) -> dict[str, float]:
        """Each task's weight in the next iteration; a task that is not in it weighs one."""
        return {task: weight.item() for task, weight in self._weights.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights and the initial losses by task; NaN where none was finite yet."""
        return {"weights": self.weights, "initial": {task: loss.item() for task, loss in self._initial.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        for kept, name in ((self._weights, "weights"), (self._initial, "initial")):
            kept.clear()
            kept.update({task: torch.tensor(value, dtype=torch.float64) for task, value in state_dict[name].items()})
