"""GradDrop: in every coordinate, keep the gradients of one sign only.

Source: Chen et al., Just Pick a Sign, NeurIPS 2020, algorithm 1, lines 10-15. The paper applies it to the gradients
of an activation (``factors`` and ``ActivationTrainer``); the rule itself is applied to parameter gradients, as in the
CAGrad authors' code, which works with any sharing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fundus_mtl.aggregation._aggregator import Aggregator, widened
from fundus_mtl.aggregation._generator import OwnGenerator


class GradDrop(Aggregator):
    r"""Draw a sign per coordinate and drop the gradients of the other sign.

    With the purity :math:`P = \frac12 (1 + \sum_i g_i / \sum_i |g_i|)` (½ where all are zero) and
    :math:`U \sim U(0, 1)`, a coordinate keeps the positive gradients if :math:`P > U` and the negative ones otherwise;
    the update is :math:`\sum_i (\ell_i + (1 - \ell_i) M_i) g_i` with :math:`M_i` the 0/1 mask of what is kept. Of two
    opposite gradients exactly one is kept.

    Args:
        leak: :math:`\ell`, the fraction of each gradient that is never dropped, 0..1: one number for all rows, or one
            per row in their order. ``None`` means 0.
        seed: Seed of the draws. The generator lives on the rows' device, is the same on every rank and is part of
            ``state_dict``.

    Raises:
        ValueError: if a leak is outside 0..1.
    """

    _generator: OwnGenerator

    def __init__(self, leak: float | Sequence[float] | None = None, seed: int = 0) -> None:
        leaks = leak if isinstance(leak, Sequence) else [0.0 if leak is None else leak]
        if not leaks or not all(0 <= value <= 1 for value in leaks):
            raise ValueError(
                f"GradDrop: expected leak to be None or between 0 and 1, for all rows or each, but got {leak}."
            )
        self.leak = leak
        self._generator = OwnGenerator(seed)

    def _combine(self, matrix: Tensor) -> Tensor:
        rows = widened(matrix)
        leaks = self._leaks(len(matrix))
        positive, negative = _signed_sums(rows, [1.0] * len(rows))
        size = positive - negative
        purity = torch.where(size > 0, positive / size, 0.5)
        draw = torch.rand(purity.shape, generator=self._generator.on(rows.device), dtype=rows.dtype, device=rows.device)
        if not any(leaks):
            return torch.where(purity > draw, positive, negative).to(matrix.dtype)
        leaking_positive, leaking_negative = _signed_sums(rows, [1 - leak for leak in leaks])
        kept = torch.where(purity > draw, leaking_positive, leaking_negative)
        return (rows.new_tensor(leaks) @ rows + kept).to(matrix.dtype)

    def factors(self, matrix: Tensor) -> Tensor:
        """Return the factor of each number of the rows, ``(T, P)``: 1 if it is kept, its leak if it is dropped.

        Zeros are kept. For the form of the rule that drops gradients of activations; see ``ActivationTrainer``.

        Args:
            matrix: Rows whose signs are compared, ``(T, P)``.
        """
        rows = widened(matrix)
        leaks = rows.new_tensor(self._leaks(len(matrix)))[:, None]
        size = rows.abs().sum(0)
        purity = torch.where(size > 0, (1 + rows.sum(0) / size) / 2, 0.5)
        draw = torch.rand(purity.shape, generator=self._generator.on(rows.device), dtype=rows.dtype, device=rows.device)
        kept = torch.where(purity > draw, rows >= 0, rows <= 0)
        return (leaks + (1 - leaks) * kept).to(matrix.dtype)

    def _leaks(self, count: int) -> list[float]:
        if not isinstance(self.leak, Sequence):
            return [self.leak or 0.0] * count
        if len(self.leak) != count:
            raise ValueError(
                f"GradDrop: expected {len(self.leak)} rows, one for each leak, but got {count}; give one leak for all "
                "rows if the number of tasks varies."
            )
        return list(self.leak)


def _signed_sums(rows: Tensor, weights: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return the weighted sums of the positive and of the negative numbers in each coordinate, ``(P,)`` each."""
    positive, negative = torch.zeros_like(rows[0]), torch.zeros_like(rows[0])
    for row, weight in zip(rows, weights, strict=True):
        positive.add_(row.clamp(min=0), alpha=weight)
        negative.add_(row.clamp(max=0), alpha=weight)
    return positive, negative
