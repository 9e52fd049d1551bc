"""Uncertainty weighting: every task's loss divided by a learned variance.

Source: Kendall, Gal, Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics,
CVPR 2018, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor, nn

# What e^(-s) L is multiplied with: the likelihoods of Kendall et al. are a softmax at temperature sigma^2 for what is
# classified, each pixel of a segmentation included, and a Gaussian of variance sigma^2, with its 1/2, for what is regressed.
_FACTORS = MappingProxyType({"classification": 1.0, "segmentation": 1.0, "regression": 0.5, "heatmap": 0.5})


class _NamedKind(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Uncertainty(nn.Module):
    r"""Weigh each loss by the inverse of a learned variance, and charge for the variance.

    With :math:`s_i = \log \sigma_i^2`, the loss is :math:`\sum_i c_i e^{-s_i} L_i + \frac12 s_i` over the tasks present;
    :math:`c_i = 1` for kinds ``classification`` and ``segmentation``, which is classification per pixel (so Kendall et al.
    treat theirs), and :math:`c_i = \frac12` for ``regression`` and ``heatmap``. The least value lies at
    :math:`e^{s_i} = 2 c_i L_i`; it has no lower bound as :math:`L_i \to 0`, and :math:`s_i` then falls for ever.

    The :math:`s_i` are parameters, ``log_variances[task]``, and are to be given to the optimizer in a group of their own
    with ``weight_decay=0``: decay would pull every variance towards one.

    Args:
        kinds: ``{task: kind}``, or tasks with a ``name`` and a ``kind``.
        initial: of every :math:`s_i`, no unit.

    Raises:
        ValueError: if there is no task, or a kind is unknown.
    """

    needs_gradient_norms = False

    def __init__(self, kinds: Mapping[str, str] | Iterable[_NamedKind], initial: float = 0.0) -> None:
        super().__init__()
        kinds = dict(kinds) if isinstance(kinds, Mapping) else {task.name: task.kind for task in kinds}
        if not kinds:
            raise ValueError("Uncertainty: expected at least one task, but got none.")
        for task, kind in kinds.items():
            if kind not in _FACTORS:
                raise ValueError(f"kind of task {task}: expected one of {tuple(_FACTORS)}, but got {kind!r}.")
        self.kinds = kinds
        self.log_variances = nn.ParameterDict({task: nn.Parameter(torch.tensor(float(initial))) for task in kinds})

    def forward(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``; ``gradient_norms`` is not used.

        Raises:
            ValueError: if a task is unknown.
        """
        for task in losses:
            if task not in self.kinds:
                raise ValueError(
                    f"Uncertainty: expected losses of {sorted(self.kinds)}, but got one of {task!r}; give it a kind."
                )
        return torch.stack([self._term(task, loss) for task, loss in losses.items()]).sum()

    def _term(self, task: str, loss: Tensor) -> Tensor:
        s = self.log_variances[task]
        return _FACTORS[self.kinds[task]] * (-s).exp() * loss + s / 2

    @property
    def weights(self) -> dict[str, float]:
        """Each task's present weight, ``c e^(-s)``."""
        return {task: _FACTORS[kind] * (-self.log_variances[task]).exp().item() for task, kind in self.kinds.items()}
