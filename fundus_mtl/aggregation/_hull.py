"""Convex hull of a few gradients, computed from their Gram matrix in units that are independent of their scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# A point counts as zero when its squared length is below this fraction of that of the gradients it combines. A float64
# Gram matrix resolves squared lengths to 1e-16 of those, and float32 gradients that cancel leave 1e-14.
ZERO = 1e-12


@dataclass(frozen=True)
class Hull:
    r"""Non-zero gradients :math:`g_i` as directions :math:`u_i = g_i / \lVert g_i \rVert` and lengths.

    A point of the hull is stored as ``z``, shape ``(T,)``, with :math:`x = m \sum_i z_i u_i`, :math:`z \ge 0` and
    :math:`h^\top z = 1`, where m is the smallest length and :math:`h_i = m / \lVert g_i \rVert`; its simplex weights
    are :math:`h_i z_i`. Cosines and h are at most one, whatever the scales of the gradients.

    Attributes:
        cosines: Cosines of all pairs of gradients, ``(T, T)``.
        shortness: h, ``(T,)``, in (0, 1].
        lengths: Lengths of the gradients, ``(T,)``.
    """

    cosines: Tensor
    shortness: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, gram: Tensor) -> Hull:
        """Build the hull from the Gram matrix ``(T, T)`` of non-zero rows."""
        lengths = gram.diagonal().sqrt()
        return cls(gram / lengths / lengths.unsqueeze(1), lengths.min() / lengths, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def stationary(self, sides: Tensor, faces: Tensor) -> Tensor:
        r"""Solve, on the affine hull of each face, :math:`C z - \mu h = r` with :math:`h^\top z = s`.

        The bordered system is regular if the face's gradients are affinely independent, even where they are linearly
        dependent (0 in their affine hull). Every minimum over a hull lies on such a face.

        Args:
            sides: Right-hand sides: r in the first T rows and s in the last, ``(T + 1, N)``.
            faces: Which gradients span each face, bool ``(F, T)``.

        Returns:
            The solution z for each face and right-hand side, zero outside the face, ``(F, T, N)``; not finite where
            the face is singular.
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
        """Return the points ``(F, T)`` clamped to z >= 0 and normalised to hᵀz = 1; NaN where nothing is positive."""
        positive = points.clamp(min=0)
        return positive / (positive @ self.shortness).unsqueeze(1)

    def lengths_of(self, points: Tensor) -> Tensor:
        """Return the lengths ``(F,)``, in units of m, of points ``(F, T)``."""
        return ((points @ self.cosines) * points).sum(dim=1).clamp(min=0).sqrt()

    def vanish(self, points: Tensor) -> Tensor:
        """Return which points ``(F, T)`` are zero within the precision of a Gram matrix, bool ``(F,)``."""
        return self.lengths_of(points) <= ZERO**0.5 * points.sum(dim=1)
