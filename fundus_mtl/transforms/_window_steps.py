"""The way back from a network's grid to the photograph, step by step, for the part of a map that may reach one half."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from monai.utils import TraceKeys, ensure_tuple
from torch import Tensor
from torch.nn.functional import interpolate

from fundus_mtl.biomarkers import bounds

Window = tuple[slice, slice]
HALF = 0.5
_NARROW, _WIDTH, _VECTOR = 128, 256, 64  # columns


@dataclass(frozen=True)
class Part:
    """A window of a map whose other values are zero.

    Args:
        values: ``(h, w)`` float32 before the threshold, uint8 after it.
        top: Row of the map at which the window begins; it may be negative.
        left: Column of the map.
        size: Rows and columns of the map.
    """

    values: Tensor
    top: int
    left: int
    size: tuple[int, int]


@dataclass(frozen=True)
class _Shift:
    """Inverse of a crop or of padding: the map moves within a frame of another size, and zeros fill the rest."""

    down: int
    right: int
    size: tuple[int, int]

    def __call__(self, part: Part) -> Part:
        return _clipped(Part(part.values, part.top + self.down, part.left + self.right, self.size))


@dataclass(frozen=True)
class _Mirror:
    """Inverse of a flip along some axes."""

    axes: tuple[int, ...]

    def __call__(self, part: Part) -> Part:
        rows, columns = part.values.shape
        top = part.size[0] - part.top - rows if 0 in self.axes else part.top
        left = part.size[1] - part.left - columns if 1 in self.axes else part.left
        return Part(part.values.flip(self.axes), top, left, part.size)


@dataclass(frozen=True)
class _Enlarge:
    """Inverse of a resize, by bilinear interpolation; computes the window in which values may reach one half."""

    size: tuple[int, int]

    def __call__(self, part: Part) -> Part:
        whole = _filled(part)
        box = bounds((whole >= HALF).numpy())
        if box is None:
            return Part(whole.new_zeros((0, 0)), 0, 0, self.size)
        if self.size == part.size:
            return Part(whole[box], box[0].start, box[1].start, self.size)
        rows, columns = (_reach(side, old, new) for side, old, new in zip(box, part.size, self.size, strict=True))
        return Part(enlarged(whole, self.size, (rows, columns)), rows.start, columns.start, self.size)


Step = _Shift | _Mirror | _Enlarge


def enlarged(whole: Tensor, size: tuple[int, int], window: Window) -> Tensor:
    """Return a window of ``interpolate(whole, size, mode="bilinear")``, bit for bit.

    Interpolating along one axis at a time keeps torch's own positions and weights: along the other axis nothing changes.
    torch rounds differently below 128 columns, and in the columns that are left over after its vectors are filled, so the
    window is computed with more columns around it.

    Args:
        whole: Map ``(h, w)``.
        size: Rows and columns of the enlarged map.
        window: Rows and columns of it to return.
    """
    rows, columns = window
    left = min(columns.start, max(0, size[1] - _WIDTH)) // _VECTOR * _VECTOR
    right = min(size[1], max(left + _WIDTH, -(-columns.stop // _VECTOR) * _VECTOR))
    inside = slice(columns.start - left, columns.stop - left)
    if right - left < _NARROW:
        return interpolate(whole[None, None], size, mode="bilinear")[0, 0, rows, inside]
    wide = interpolate(whole[None, None], (whole.shape[0], size[1]), mode="bilinear")[:, :, :, left:right]
    return interpolate(wide.contiguous(), (size[0], right - left), mode="bilinear")[0, 0, rows, inside]


def _filled(part: Part) -> Tensor:
    """Return the whole map of a window."""
    if part.values.shape == part.size:
        return part.values
    whole = part.values.new_zeros(part.size)
    rows, columns = part.values.shape
    whole[part.top : part.top + rows, part.left : part.left + columns] = part.values
    return whole


def _clipped(part: Part) -> Part:
    """Return the window without what lies outside of the map."""
    (top, bottom), (left, right) = (
        (max(0, -at), max(0, min(length, side - at)))
        for at, length, side in zip((part.top, part.left), part.values.shape, part.size, strict=True)
    )
    return Part(part.values[top:bottom, left:right], part.top + top, part.left + left, part.size)


def _reach(side: slice, old: int, new: int) -> slice:
    """Return the indices of an enlarged axis that depend on a part of the axis before."""
    scale = old / new
    first, last = (side.start - 0.5) / scale - 0.5, (side.stop + 0.5) / scale - 0.5
    return slice(max(0, floor(first) - 1), min(new, ceil(last) + 2))


def steps_back(operations: Sequence[Mapping[str, Any]]) -> list[Step] | None:
    """Return the inverse of recorded transforms, last first; None if there is one without a quick way."""
    steps: list[Step] = []
    for operation in reversed(operations):
        known = _INVERSES.get(operation[TraceKeys.CLASS_NAME])
        if known is None or not operation.get(TraceKeys.DO_TRANSFORM, True):
            return None
        steps += known(operation)
    return steps if sum(isinstance(step, _Enlarge) for step in steps) <= 1 else None


def _of_pad(operation: Mapping[str, Any]) -> list[Step]:
    (down, _), (right, _) = operation[TraceKeys.EXTRA_INFO]["padded"][1:]
    return [_Shift(-int(down), -int(right), _size(operation))]


def _of_crop(operation: Mapping[str, Any]) -> list[Step]:
    known = operation[TraceKeys.EXTRA_INFO]
    down, _, right, _ = known["cropped"]
    padding = _of_pad(known["pad_info"]) if "pad_info" in known else []
    return [*padding, _Shift(int(down), int(right), _size(operation))]


def _of_flip(operation: Mapping[str, Any]) -> list[Step]:
    axes = operation[TraceKeys.EXTRA_INFO]["axes"]
    given = (0, 1) if axes is None else ensure_tuple(axes)
    return [_Mirror(tuple(int(axis) % 2 for axis in given))]


def _size(operation: Mapping[str, Any]) -> tuple[int, int]:
    height, width = operation[TraceKeys.ORIG_SIZE]
    return int(height), int(width)


_INVERSES: dict[str, Callable[[Mapping[str, Any]], list[Step]]] = {
    "Crop": _of_crop,
    "CropForeground": _of_crop,
    "FastResize": lambda operation: [_Enlarge(_size(operation))],
    "Flip": _of_flip,
    "Pad": _of_pad,
    "PillowResize": lambda operation: [_Enlarge(_size(operation))],
    "Resize": lambda operation: [_Enlarge(_size(operation))],
    "SpatialPad": _of_pad,
}
