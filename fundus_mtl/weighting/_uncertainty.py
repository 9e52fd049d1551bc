"""Uncertainty weighting: divide the loss of each task by a learned variance.

Source: Kendall, Gal, Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics,
CVPR 2018, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor, nn

# Factor of e^(-s) L. The likelihood of Kendall et al. is a softmax at temperature sigma^2 for classification, including
# the pixels of a segmentation, and a Gaussian of variance sigma^2, which brings the factor 1/2, for regression.
_FACTORS = MappingProxyType({"classification": 1.0, "segmentation": 1.0, "regression": 0.5, "heatmap": 0.5})


class _NamedKind(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...


class Uncertainty(nn.Module):
    r"""Weigh each loss by the inverse of a learned variance, and add a penalty on the variance.

    With :math:`s_i = \log \sigma_i^2`, the loss is :math:`\sum_i c_i e^{-s_i} L_i + \frac12 s_i` over the tasks in the
    batch. :math:`c_i = 1` for the kinds ``classification`` and ``segmentation``, which Kendall et al. treat as
    classification per pixel, and :math:`c_i = \frac12` for ``regression`` and ``heatmap``. The minimum is at
    :math:`e^{s_i} = 2 c_i L_i`. It has no lower bound for :math:`L_i \to 0`: :math:`s_i` then decreases without end.

    The :math:`s_i` are parameters, ``log_variances[task]``. Add them to the optimizer in a separate group with
    ``weight_decay=0``, because weight decay would pull every variance towards one.

    Args:
        kinds: ``{task: kind}``, or tasks with a ``name`` and a ``kind``.
        initial: Initial value of every :math:`s_i`, no unit.

    Raises:
        ValueError: if ``kinds`` is empty, or a kind is unknown.
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
            ValueError: if a task is not in ``kinds``.
        """
        for task in losses:
            if task not in self.kinds:
                raise ValueError(
                    f"Uncertainty: expected losses of {sorted(self.kinds)}, but got one of {task!r}; add it to kinds."
                )
        return torch.stack([self._term(task, loss) for task, loss in losses.items()]).sum()

    def _term(self, task: str, loss: Tensor) -> Tensor:
        s = self.log_variances[task]
        return _FACTORS[self.kinds[task]] * (-s).exp() * loss + s / 2

    @property
    def weights(self) -> dict[str, float]:
        """Current weights of the tasks, ``c e^(-s)``."""
        return {task: _FACTORS[kind] * (-self.log_variances[task]).exp().item() for task, kind in self.kinds.items()}
