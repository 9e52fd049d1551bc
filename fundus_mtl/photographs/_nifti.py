"""A photograph in a NIfTI file, as a viewer of volumes shows it.

Source: the NIfTI-1 and NIfTI-2 headers (nifti1.h), read by nibabel, which notices a file that is cut; SimpleITK does not.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._header_facts import Facts, no_facts
from fundus_mtl.photographs._levels import bits_of, colour, scaled
from fundus_mtl.photographs._plane import Plane, plane_of
from fundus_mtl.photographs._unreadable import UnreadableImageError, named_damage

_MAX_OFFSET = 2**24
"""Bytes before the pixels. Who names more makes a compressed file inflate without end."""
_VECTOR = 1007  # intent: the fifth axis is the colour
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}  # metre, mm, micron; unknown means mm, as in ITK


def nifti_levels(path: Path, max_pixels: int) -> NDArray[np.uint8]:
    """Return the picture as levels 0..255, ``(H, W, 3)``; 16 bits are scaled from the container's range.

    Raises:
        UnreadableImageError: for volumes, levels without a range, scaled levels, and damaged files.
    """
    with _opened(path) as (file, header):
        plane = _plane(header, max_pixels)
        if header.get_slope_inter() not in ((None, None), (1.0, 0.0), (1.0, None)):
            raise UnreadableImageError("expected levels as they are, but got a scale factor; write them without one.")
        dtype = header.get_data_dtype()
        packed = dtype.fields is not None  # RGB24 or RGBA32
        bits = 8 if packed else bits_of(dtype)
        stored = np.ascontiguousarray(header.raw_data_from_fileobj(file))
        shape = (*header.get_data_shape()[:2], 1, -1)
        voxels = stored.view(np.uint8).reshape(shape) if packed else stored.reshape(shape)
        return colour(scaled(plane.picture(voxels), bits))


def nifti_facts(path: Path) -> Facts:
    """Return the spacing, where it is not the default of 1 mm."""
    with _opened(path) as (_, header):
        return no_facts() | {"mm_per_px": _plane(header, None).mm_per_px}


def inflated(path: Path, size: int) -> bytes:
    """Return the first bytes of a gzip file's contents; nothing if it is damaged before."""
    try:
        with gzip.open(path) as file:
            return file.read(size)
    except (OSError, EOFError, ValueError):
        return b""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], Any]]:
    from nibabel.spatialimages import HeaderDataError

    with named_damage("NIfTI", HeaderDataError), path.open("rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
        start.seek(0)
        with cast(IO[bytes], gzip.open(start) if packed else start) as file:
            header = _header_of(file.read(540))
            if not header.sizeof_hdr <= int(header["vox_offset"]) <= _MAX_OFFSET:
                raise UnreadableImageError(
                    "expected pixels soon after the header, but got another place; write it anew."
                )
            yield file, header


def _header_of(block: bytes) -> Any:
    """Return nibabel's header of the version that the first number, its own length, says; in either order of bytes."""
    import nibabel

    for kind in (nibabel.Nifti1Header, nibabel.Nifti2Header):
        if kind.sizeof_hdr in (int.from_bytes(block[:4], order) for order in ("little", "big")):
            return kind(block[: kind.sizeof_hdr], check=False)
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
