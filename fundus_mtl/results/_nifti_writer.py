"""Masks and probability maps as NIfTI, upright in ITK-SNAP and 3D Slicer.

A photograph has no position in the body's coordinates. Viewers that open one (PNG, JPEG) show it as an *axial* slice with
the identity as its directions in LPS, ITK's coordinates: right on the screen is the patient's Left, down is Posterior.
These files do the same, so they appear upright in the axial view, lie over the photograph that is opened beside them if a
pixel counts as 1 mm there, and are read by `fundus_mtl.photographs.FundusReader` as they were written. Pixel
``(row, column)`` of size ``(sx, sy)`` lies at LPS ``(column * sx, row * sy, 0)`` mm, which is RAS ``(-column * sx,
-row * sy, 0)`` in NIfTI's own coordinates.

The letters that viewers write at the borders are then correct for left and right, since a photograph is taken from in front
of the patient, but they mark its upper border as anterior. ``coronal=True`` is correct for the body instead: superior is up.
Rows run to Inferior and the third axis to Posterior; the pixel lies at LPS ``(column * sx, 0, -row * sy)``, RAS
``(-column * sx, 0, -row * sy)``, and appears upright in the coronal view.

Both are right-handed, and the origin is the centre of the top-left pixel. NIfTI's first index is the column:
``array[row, column]`` is ``data[column, row, 0]`` for nibabel, and again ``array[0, row, column]`` for SimpleITK.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.results._output_errors import write_output

SCANNER = 1  # NIfTI's code for coordinates of the patient's body
DESCRIPTION = "Research use only; fundus_mtl"
LEVELS = 65535  # of 16 bits


def write_nifti(
    path_out: str | Path, array: ArrayLike, mm_per_px: float | tuple[float, float] | None = None, coronal: bool = False
) -> None:
    """Write a label mask, or numbers as they are; for numbers from 0 to 1 see `write_probabilities`.

    Args:
        path_out: Path ending in ``.nii`` or ``.nii.gz``.
        array: ``(H, W)`` or ``(C, H, W)``; channels become NIfTI's fourth axis. Bool and uint8 are labels and stay uint8,
            floating point becomes float32; its NaNs are kept, but ITK reads them as 0.
        mm_per_px: Size of a pixel, or its width and its height. None if no scale is known: a pixel then counts as one unit,
            and the file's unit is unknown (viewers show millimetres nevertheless).
        coronal: Whether the picture is a coronal slice, superior up, instead of an axial one as viewers show photographs.

    Raises:
        ValueError: If the name, the shape, the type or the scale is not as described.
        OutputError: If the output cannot be written at all.
    """
    _write(path_out, _volume(array), mm_per_px, coronal)


def write_probabilities(
    path_out: str | Path, array: ArrayLike, mm_per_px: float | tuple[float, float] | None = None
) -> None:
    """Write a probability map in 16 bits with NIfTI's scale factor; readers apply it and return 0 to 1.

    A network's answer, enlarged to a photograph of 2056 x 2124 px, takes 0.2 MB and 0.3 s; as float32 it would take 10.8 MB
    and 6.7 s, for digits without meaning. No value changes by more than 1 / 131070, and none crosses one half, so the
    border at 0.5 is the mask's to the pixel.

    Args:
        path_out: Path ending in ``.nii`` or ``.nii.gz``.
        array: Map ``(H, W)``, 0 to 1.
        mm_per_px: Size of a pixel, see `write_nifti`; the position in space is the same too.

    Raises:
        ValueError: If the name, the shape or the scale is not as described, or a value is not from 0 to 1.
        OutputError: If the output cannot be written at all.
    """
    found = np.asarray(array, dtype=np.float64)
    if found.ndim != 2 or not ((found >= 0) & (found <= 1)).all():  # NaN is neither
        raise ValueError(f"array: expected probabilities (H, W) from 0 to 1, but got others, {found.shape}.")
    levels = np.rint(found * LEVELS).astype(np.uint16)  # one half goes up, to the even number
    _write(path_out, levels.T[:, :, None], mm_per_px, slope=1 / LEVELS)


def _write(
    path_out: str | Path,
    volume: NDArray[Any],
    mm_per_px: float | tuple[float, float] | None,
    coronal: bool = False,
    slope: float | None = None,
) -> None:
    """Write ``(W, H, 1, ...)``; readers multiply the stored numbers by ``slope``."""
    import nibabel

    path = Path(path_out)
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"path_out: expected a name ending in .nii or .nii.gz, but got {path.suffix!r}.")
    sx, sy = _spacing(mm_per_px)
    down, depth = ((0, 0, -sy), (0, -sx, 0)) if coronal else ((0, -sy, 0), (0, 0, sx))  # in RAS; as deep as wide
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([(-sx, 0, 0), down, depth])
    image = nibabel.Nifti1Image(volume, affine)
    image.set_qform(affine, SCANNER)
    image.set_sform(affine, SCANNER)
    image.header.set_xyzt_units("unknown" if mm_per_px is None else "mm")
    image.header["descrip"] = DESCRIPTION
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    content = image.to_bytes()
    write_output(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _spacing(mm_per_px: float | tuple[float, float] | None) -> tuple[float, float]:
    """Return width and height of a pixel."""
    if mm_per_px is None:
        return 1.0, 1.0
    sizes = mm_per_px if isinstance(mm_per_px, tuple) else (mm_per_px, mm_per_px)
    if len(sizes) != 2 or not all(np.isfinite(size) and size > 0 for size in sizes):
        raise ValueError(f"mm_per_px: expected positive numbers, but got {mm_per_px}; None is unknown.")
    return float(sizes[0]), float(sizes[1])


def _volume(array: ArrayLike) -> NDArray[Any]:
    """Return ``(W, H, 1)`` or ``(W, H, 1, C)``, in a type that the format and its readers support."""
    found = np.asarray(array)
    if found.ndim not in (2, 3):
        raise ValueError(f"array: expected (H, W) or (C, H, W), but got {found.shape}.")
    if found.dtype not in (np.bool_, np.uint8) and not np.issubdtype(found.dtype, np.floating):
        raise ValueError(f"array: expected bool, uint8 or floating point, but got {found.dtype}.")
    kind = np.float32 if np.issubdtype(found.dtype, np.floating) else np.uint8
    return found.astype(kind).T[:, :, None]
