"""The convex hull of a few gradients, known by their Gram matrix, in units that no scale can spoil."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# A point counts as zero when it is this much shorter, squared, than the gradients it is made of: a float64 Gram matrix
# says no more about a squared length than 1e-16 of those, and float32 gradients that cancel leave 1e-14.
ZERO = 1e-12


@dataclass(frozen=True)
class Hull:
    r"""Non-zero gradients :math:`g_i` as directions :math:`u_i = g_i / \lVert g_i \rVert` and lengths.

    A point of the hull is kept as ``z``, shape ``(T,)``, with :math:`x = m \sum_i z_i u_i`, :math:`z \ge 0` and
    :math:`h^\top z = 1`, where m is the shortest length and :math:`h_i = m / \lVert g_i \rVert`; its simplex weights are
    :math:`h_i z_i`. Cosines and h are of order one whatever the gradients' scales, together and among each other.

    Attributes:
        cosines: of all pairs, ``(T, T)``.
        shortness: h, ``(T,)``, in (0, 1].
        lengths: of the gradients, ``(T,)``.
    """

    cosines: Tensor
    shortness: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, gram: Tensor) -> Hull:
        """Read a Gram matrix ``(T, T)`` of non-zero rows."""
        lengths = gram.diagonal().sqrt()
        return cls(gram / lengths / lengths.unsqueeze(1), lengths.min() / lengths, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def stationary(self, sides: Tensor, faces: Tensor) -> Tensor:
        r"""Solve, on the affine hull of each face, :math:`C z - \mu h = r` with :math:`h^\top z = s`.

        The bordered form stays regular as long as the face's gradients are affinely independent, even where they are
        dependent (0 in their affine hull), and every minimum over a hull lies on such a face.

        Args:
            sides: right-hand sides, r and below it s, ``(T + 1, N)``.
            faces: which gradients span each face, bool ``(F, T)``.

        Returns:
            z of each face and side, zero off the face, ``(F, T, N)``; not finite where the face is singular.
        """
        count = len(self)
        matrix = self.cosines.new_zeros(count + 1, count + 1)
        matrix[:count, :count] = self.cosines
        matrix[:count, count] = matrix[count, :count] = self.shortness
        inside = torch.cat([faces, faces.new_ones(len(faces), 1)], dim=1)
        matrices = torch.where(
            inside.unsqueeze(1) & inside.unsqueeze(2), matrix, torch.eye(count + 1, dtype=matrix.dtype)
        )
        solutions, _ = torch.linalg.solve_ex(matrices, inside.unsqueeze(2) * sides)
        return solutions[:, :count]

    def feasible(self, points: Tensor) -> Tensor:
        """Return the points ``(F, T)`` without negative parts and with hᵀz = 1; NaN where nothing is left."""
        positive = points.clamp(min=0)
        return positive / (positive @ self.shortness).unsqueeze(1)

    def lengths_of(self, points: Tensor) -> Tensor:
        """Return the lengths ``(F,)``, in units of m, of points ``(F, T)``."""
        return ((points @ self.cosines) * points).sum(dim=1).clamp(min=0).sqrt()

    def vanish(self, points: Tensor) -> Tensor:
        """Tell, ``(F,)``, which points ``(F, T)`` are zero as far as a Gram matrix can tell."""
        return self.lengths_of(points) <= ZERO**0.5 * points.sum(dim=1)
