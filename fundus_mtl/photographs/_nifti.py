"""A photograph in a NIfTI file, as a viewer of volumes shows it.

Source: the NIfTI-1 and NIfTI-2 headers (nifti1.h), which nibabel parses. The pixels are taken from the file's bytes here:
exactly as many as the header promises.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._header_facts import HeaderFacts
from fundus_mtl.photographs._inflate import GZIP, inflated, inflated_head
from fundus_mtl.photographs._levels import bits_of, colour, scaled
from fundus_mtl.photographs._plane import Plane, plane_of
from fundus_mtl.photographs._unreadable import UnreadableImageError, named_damage

NIFTI_HEADER = 540
"""Bytes of the longest header, that of NIfTI-2."""
GZIP_MARK = b"\x1f\x8b"
_MAX_OFFSET = 2**24
"""Largest number of bytes before the pixels: a header that names more makes a compressed file inflate without end."""
_VECTOR = 1007  # intent: the fifth axis is the colour
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}  # metre, mm, micron; unknown means mm, as in ITK


def nifti_levels(data: bytes, max_pixels: int) -> NDArray[np.uint8]:
    """Return the picture as levels 0..255, ``(H, W, 3)``; 16 bits are scaled from the container's range.

    Args:
        data: the whole file.
        max_pixels: checked before anything is inflated.

    Raises:
        UnreadableImageError: for volumes, levels without a range, scaled levels, and damaged files.
    """
    with _damage():
        header = _header_of(head_of(data))
        plane = _plane(header, max_pixels)
        if header.get_slope_inter() not in ((None, None), (1.0, 0.0), (1.0, None)):
            raise UnreadableImageError("expected levels as they are, but got a scale factor; save it without one.")
        dtype = header.get_data_dtype()
        packed = dtype.fields is not None  # RGB24 or RGBA32
        bits = 8 if packed else bits_of(dtype)
        lengths = [int(length) for length in header.get_data_shape()]
        pixels = _pixels(data, int(header["vox_offset"]), prod(lengths) * dtype.itemsize)
        stored = np.frombuffer(pixels, dtype).reshape(lengths, order="F")
        shape = (*lengths[:2], 1, -1)
        voxels = np.ascontiguousarray(stored).view(np.uint8).reshape(shape) if packed else stored.reshape(shape)
        return colour(scaled(plane.picture(voxels), bits))


def nifti_facts(file: BinaryIO) -> HeaderFacts:
    """Return the spacing, where it is not the default of 1 mm."""
    with _damage():
        return _plane(_header_of(head_of(file.read(2**16))), None).facts()


def head_of(data: bytes) -> bytes:
    """Return the first bytes of a file, or of what a gzip file holds."""
    return inflated_head(data, NIFTI_HEADER) if data.startswith(GZIP_MARK) else data[:NIFTI_HEADER]


def _damage() -> AbstractContextManager[None]:
    from nibabel.spatialimages import HeaderDataError

    return named_damage("NIfTI", HeaderDataError)


def _pixels(data: bytes, offset: int, size: int) -> bytes | memoryview:
    """Return the ``size`` bytes after the offset, which are the last ones of the file."""
    if data.startswith(GZIP_MARK):
        return memoryview(inflated(data, offset + size, GZIP))[offset:]
    if len(data) != offset + size:
        raise UnreadableImageError(f"expected {size} bytes of pixels, but got {len(data) - offset}; copy it again.")
    return memoryview(data)[offset:]


def _header_of(block: bytes) -> Any:
    """Return nibabel's header, of the version that its first number (its length) gives, in either order of bytes.

    Raises:
        UnreadableImageError: if there is no such version, or the pixels are far away.
    """
    import nibabel

    for kind in (nibabel.Nifti1Header, nibabel.Nifti2Header):
        if kind.sizeof_hdr in (int.from_bytes(block[:4], order) for order in ("little", "big")):
            header = kind(block[: kind.sizeof_hdr], check=False)
            if not kind.sizeof_hdr <= int(header["vox_offset"]) <= _MAX_OFFSET:
                raise UnreadableImageError(
                    "expected pixels soon after the header, but got another place; save it again."
                )
            return header
    raise UnreadableImageError("expected a NIfTI header, but got a broken one.")


def _plane(header: Any, max_pixels: int | None) -> Plane:
    shape = [int(length) for length in header.get_data_shape()]
    if len(shape) == 5 and shape[3] == 1 and int(header["intent_code"]) == _VECTOR:
        if shape[4] not in (1, 3, 4):
            raise UnreadableImageError(f"expected grey or colour, but got {shape[4]} channels; convert it.")
        shape = shape[:3]
    shape = shape[:3] if all(length == 1 for length in shape[3:]) else shape
    placed = int(header["sform_code"]) or int(header["qform_code"])
    # Without a code ITK sees the file as it is stored; nibabel would mirror it.
    directions = np.diag([-1.0, -1.0, 1.0]) @ _unit(header.get_best_affine()[:3, :3]) if placed else np.eye(3)
    factor = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    zooms = [float(zoom) * factor for zoom in header.get_zooms()[:2]]
    return plane_of(shape, directions, zooms, max_pixels)


def _unit(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the directions of an affine's axes (columns) without their spacing: a photograph's pixel may be 0.006 mm."""
    lengths = np.linalg.norm(axes, axis=0)
    return np.asarray(axes / np.where(lengths > 0, lengths, 1.0))
