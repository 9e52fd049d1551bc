"""A flat picture in a file of volumes (mha, nrrd): what its header promises, and the pixels that follow it.

The headers are parsed here, by strict rules, and not by ITK: a header of either format may name another file as the place
of its pixels, and ITK would read that file. Here the pixels are the rest of the same file, exactly as many bytes as the
header promises, or the file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._header_facts import HeaderFacts
from fundus_mtl.photographs._inflate import inflated
from fundus_mtl.photographs._levels import colour, scaled
from fundus_mtl.photographs._plane import Plane, plane_of
from fundus_mtl.photographs._unreadable import UnreadableImageError


@dataclass(frozen=True)
class Volume:
    """What a header promises.

    Attributes:
        shape: Sizes of the axes i, j and, where there is one, k.
        channels: values per pixel.
        channel_axis: Position of the channels among the file's axes, the fastest first.
        dtype: Type of a value, with its order of bytes; unsigned, 1 or 2 bytes.
        wbits: Window bits of zlib, where the pixels are compressed; None where they are not.
        start: bytes before the pixels.
        packed_size: bytes of the compressed pixels; None if it is not given.
        directions: ``(3, 3)``, a column per axis, in LPS.
        spacing: distance of neighbours along i and j, mm.
    """

    shape: tuple[int, ...]
    channels: int
    channel_axis: int
    dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
    wbits: int | None
    start: int
    packed_size: int | None
    directions: NDArray[np.float64]
    spacing: tuple[float, float]

    def plane(self, max_pixels: int | None) -> Plane:
        """Return the one slice; see `plane_of` for the errors."""
        return plane_of(self.shape, self.directions, self.spacing, max_pixels)

    def facts(self) -> HeaderFacts:
        """Return the spacing, where it is not the default of 1 mm."""
        return self.plane(None).facts()

    def levels(self, data: bytes, max_pixels: int) -> NDArray[np.uint8]:
        """Return the picture as levels 0..255, ``(H, W, 3)``; 16 bits are scaled from the container's range.

        Args:
            data: the whole file.
            max_pixels: checked before anything is inflated.

        Raises:
            UnreadableImageError: for volumes, too many pixels or channels, and other bytes than the header promises.
        """
        plane = self.plane(max_pixels)
        if self.channels not in (1, 3, 4):
            raise UnreadableImageError(f"expected grey or colour, but got {self.channels} channels; convert it.")
        sizes = [*self.shape[:2], 1]
        sizes.insert(self.channel_axis, self.channels)
        stored = np.frombuffer(self._pixels(data, plane), self.dtype).reshape(sizes, order="F")
        voxels = np.moveaxis(stored, self.channel_axis, -1)
        return colour(scaled(plane.picture(voxels), 8 * self.dtype.itemsize))

    def _pixels(self, data: bytes, plane: Plane) -> bytes | memoryview:
        """Return exactly the bytes of the pixels."""
        rest = memoryview(data)[self.start :]
        size = plane.width * plane.height * self.channels * self.dtype.itemsize
        expected = size if self.wbits is None else self.packed_size
        if expected is not None and len(rest) != expected:
            raise UnreadableImageError(
                f"expected {expected} bytes after the header, but got {len(rest)}; copy it again."
            )
        return rest if self.wbits is None else inflated(rest, size, self.wbits)
