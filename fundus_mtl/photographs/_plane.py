"""Turn a picture from a volume's coordinates to the way a person sees it.

The convention is that of ITK-SNAP and 3D Slicer's axial view: in ITK's patient coordinates (LPS) x grows to the right of the
screen and y downward. A file without directions, or with the identity in LPS, is seen as it is stored; NIfTI's coordinates
are RAS, so its identity is seen turned by half a turn. Oblique directions count as the nearest axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.photographs._header_facts import NO_SPACING, HeaderFacts, no_facts, scale_facts
from fundus_mtl.photographs._levels import refuse_large
from fundus_mtl.photographs._unreadable import UnreadableImageError

_SKEW = 0.01  # cosine of the smallest angle between axes; and by how much a direction may differ from length 1


@dataclass(frozen=True)
class Plane:
    """One axial slice.

    Attributes:
        orientation: orientation of the file's axes i, j, k in LPS, in nibabel's form: ``(3, 2)``, axis and sign.
        width: px.
        height: px.
        spacing: Distance of neighbours along x and y, mm.
    """

    orientation: NDArray[Any]
    width: int
    height: int
    spacing: tuple[float, float]

    def facts(self) -> HeaderFacts:
        """Return the spacing, where it is not 1 mm, the default of files without one."""
        scale = NO_SPACING if self.spacing == (1, 1) else scale_facts(*self.spacing)
        return {**no_facts(), **scale}

    def picture(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Return ``(H, W)`` or ``(H, W, C)`` of voxels ``(i, j, k)`` or ``(i, j, k, C)``."""
        from nibabel.orientations import apply_orientation

        seen: NDArray[Any] = apply_orientation(voxels, self.orientation)[:, :, 0]
        return seen.swapaxes(0, 1)


def plane_of(shape: Sequence[int], directions: ArrayLike, zooms: Sequence[float], max_pixels: int | None) -> Plane:
    """Return the one slice of a volume, from its header.

    Args:
        shape: Sizes of the file's axes i, j and, where there is one, k.
        directions: ``(3, 3)``, a column per axis of the file, in LPS.
        zooms: distance of neighbours along i and j, mm.
        max_pixels: None where nothing will be decoded.

    Raises:
        UnreadableImageError: for several slices, a slice that is not axial, unusable directions, or too many pixels.
    """
    from nibabel.orientations import io_orientation

    if not 2 <= len(shape) <= 3 or (len(shape) == 3 and shape[2] != 1):
        size = "x".join(str(length) for length in shape)
        raise UnreadableImageError(f"expected a flat picture, of depth 1, but got a volume of {size}; save one slice.")
    matrix = np.asarray(directions, dtype=float)
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-6:
        raise UnreadableImageError("expected three different directions, but got others; save it again without them.")
    if np.abs(matrix.T @ matrix - np.eye(3)).max() > _SKEW:
        raise UnreadableImageError("expected directions at right angles, but got others; save it again without them.")
    affine = np.eye(4)
    affine[:3, :3] = matrix
    orientation = io_orientation(affine)
    if orientation[2, 0] != 2:
        raise UnreadableImageError(
            "expected an axial picture, but got one of another plane; save it without directions."
        )
    turned = orientation[0, 0] == 1
    (width, height), (x, y) = ((shape[1], shape[0]), (zooms[1], zooms[0])) if turned else (shape[:2], zooms[:2])
    if max_pixels is not None:
        refuse_large(width, height, max_pixels)
    return Plane(orientation, width, height, (float(x), float(y)))
