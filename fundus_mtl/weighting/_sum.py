"""Plain sum of the losses: joint training, and the reference scale of all other methods."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Sum:
    r"""Add the losses up: :math:`\sum_i L_i`; every weight is one."""

    needs_gradient_norms = False

    def __call__(self, losses: Mapping[str, Tensor], gradient_norms: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the sum, shape ``()``, of ``{task: loss ()}``; ``gradient_norms`` is not used."""
        return torch.stack(list(losses.values())).sum()
