"""Random loss weighting (RLW): new random weights at every step, a baseline for methods that choose weights.

Source: Lin, Ye, Zhang, Tsang, Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning,
TMLR 2022, equation 3 with the normal distribution and the softmax of its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class RandomWeights:
    r"""Weigh the losses with :math:`\lambda = K \, softmax(u)`, :math:`u \sim N(0, I)`, drawn at every call.

    The mean of every weight is one, so that the expected loss is the plain sum. (The paper's weights add up to one.)
    Only the K tasks of the batch draw a number.

    Args:
        seed: Seed of the draws. They are the same on every rank, and their generator is part of ``state_dict``.
    """

    needs_gradient_norms = False

    def __init__(self, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the weighted sum, shape ``()``, of ``{task: loss ()}``; ``gradient_norms`` is not used."""
        values = torch.stack(list(losses.values()))
        # Drawn on the CPU in float64: the same numbers on every device and in every precision.
        weights = len(values) * torch.randn(len(values), generator=self._generator, dtype=torch.float64).softmax(0)
        return (weights.to(values.device, values.dtype) * values).sum()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the generator."""
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        self._generator.set_state(state_dict["generator"].cpu())
