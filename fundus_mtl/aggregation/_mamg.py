"""MAMG: clip the gradient of the dominating task along the direction of interference.

Source: the MAMG paper (model-agnostic approach to mitigate gradient interference), algorithm 1 and equations 2-4. As
printed, the rule does not change the mean of two gradients, and the authors' code clips by ``min(abs(delta), 0) = 0``.
The default here is the interpretation under which the paper's lemma 1 holds. See ``reading``.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal, get_args

from fundus_mtl.aggregation._pairwise import Matrix, PairwiseSurgery, dot

Reading = Literal["projection", "literal"]


class MAMG(PairwiseSurgery):
    r"""Clip conflicting gradients along :math:`P = g_i - g_j`, then add them up.

    Task :math:`i` visits the others :math:`j` in random order. Where :math:`g_i \cdot g_j < 0`, with :math:`g_i` as
    changed so far and :math:`g_j` the original, :math:`g_i \leftarrow g_i - \delta P / \lVert P \rVert`. The update
    is K times the paper's mean.

    * ``"projection"``: the difference of the lengths of both projections on P,
      :math:`\delta = (\lVert g_i \rVert^2 - \lVert g_j \rVert^2) / \lVert P \rVert`, applied only if positive, so that
      only the dominating task is clipped. For two tasks in conflict the mean is MGDA's shortest vector (zero for
      exactly opposite gradients), both losses decrease, and the update is never longer than the sum. Discontinuous
      where :math:`g_i \cdot g_j = 0`.
    * ``"literal"``: equation 3 as printed, :math:`\delta = \lVert g_i \cos\phi_i - g_j \cos\phi_j \rVert`, the length
      of a difference of vectors, for either task. For two tasks it is the plain sum.

    Args:
        reading: Interpretation of the paper, see above.
        seed: Seed of the visiting order. The generator is the same on every rank and is part of ``state_dict``.

    Raises:
        ValueError: if the reading is unknown.
    """

    def __init__(self, reading: Reading = "projection", seed: int = 0) -> None:
        super().__init__(seed)
        if reading not in get_args(Reading):
            raise ValueError(f"MAMG: expected reading to be one of {get_args(Reading)}, but got {reading!r}.")
        self.reading = reading

    def _edit(self, row: list[float], other: int, dots: Matrix) -> None:
        mine, theirs, product = dot(row, [dot(row, line) for line in dots]), dots[other][other], dot(row, dots[other])
        apart = mine + theirs - 2 * product  # |P|^2, positive in a conflict
        share = self._literal_share(mine, theirs, product) if self.reading == "literal" else (mine - theirs) / apart
        if share > 0:  # g_i - share * P
            row[:] = [weight * (1 - share) for weight in row]
            row[other] += share

    @staticmethod
    def _literal_share(mine: float, theirs: float, product: float) -> float:
        """Return delta / |P| of equation 3 from |g_i|^2, |g_j|^2 and g_i.g_j."""
        if mine <= 0:  # nothing is left to clip; the conflict is a rounding error
            return 0.0
        cosine = product / (sqrt(mine) * sqrt(theirs))
        a, b = mine - product, theirs - product  # lengths of the projections on P, times |P|
        return sqrt(max(0.0, a * a + b * b + 2 * a * b * cosine)) / (mine + theirs - 2 * product)
