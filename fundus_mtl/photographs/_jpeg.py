"""Whether a JPEG stream holds all the pixels that its header promises; decoders fill what is missing and only warn.

A file that was cut and closed again with an end marker decodes without an error: the blocks that are missing are grey, or
coarse in a progressive file. Two things are checked.

* Structure: every component has its scans, a progressive one to the last bit of each coefficient, and each scan has as
  many restart markers as it needs; the end marker is there.
* A scan that ended too early: bytes inserted after it change the picture, since the decoder still has blocks to fill.
  After a whole scan they are skipped. So the picture is decoded once more with such bytes. A sequential file that lacks
  blocks has grey ones in its last corner, so one whose last corner is not grey is not decoded again.

Source: ITU-T T.81, annexes B (markers), F (sequential) and G (progressive).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.photographs._jpeg_markers import END, RESTARTS, SCAN, end_of_scan, markers
from fundus_mtl.photographs._unreadable import UnreadableImageError

JPEG_MARK = b"\xff\xd8\xff"
_MAX_SCANS = 40
"""Each scan is a pass over the whole picture, however few its bytes are. Encoders write about ten."""
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB)
_PROGRESSIVE, _LOSSLESS = (0xC2, 0xCA), (0xC3, 0xCB)
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_MORE = np.random.default_rng(0).integers(0, 255, 1024).astype(np.uint8).tobytes()  # without FF, which starts a marker
_GREY, _NEAR = 128, 3


@dataclass
class _Stream:
    """Contents of the markers of a stream.

    Attributes:
        frame: marker of the frame header, 0 before it.
        size: width and height.
        sampling: horizontal and vertical factor, by component.
        interval: units between restart markers now, 0 for none.
        missing: Per component, the lowest bit not yet sent of each of the 64 coefficients; 0 when it is complete.
        ends: Positions where the scans end.
    """

    frame: int = 0
    size: tuple[int, int] = (0, 0)
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    interval: int = 0
    missing: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)


def refuse_short_jpeg(data: bytes, picture: NDArray[Any] | None = None) -> None:
    """Refuse a JPEG stream that lacks pixels.

    Args:
        data: the stream; what follows its first end marker is ignored.
        picture: Pixels as Pillow decoded them, ``(H, W)`` or ``(H, W, C)``; the last one alone, ``(1, 1, C)``, is enough.
            None to decode it here.

    Raises:
        UnreadableImageError: if a scan, a part of one, or the end is missing.
    """
    stream = _Stream()
    try:
        end = _parse(data, stream)
    except (IndexError, struct.error, KeyError):
        raise _short() from None
    if not stream.missing or any(bits.any() for bits in stream.missing.values()):
        raise _short()
    whole = data[: end + 2]
    picture = _decoded(whole) if picture is None else picture
    corner = np.asarray(picture[-1, -1], dtype=int)
    if stream.frame in _PROGRESSIVE or (np.abs(corner - _GREY) <= _NEAR).all():
        parts = [whole[start:stop] for start, stop in zip([0, *stream.ends], [*stream.ends, len(whole)], strict=True)]
        if not np.array_equal(_decoded(_MORE.join(parts)), _decoded(whole)):
            raise _short()


def _short() -> UnreadableImageError:
    return UnreadableImageError(
        "expected all pixels that the header names, but got a JPEG that is cut; copy it again from the camera."
    )


def _decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)


def _parse(data: bytes, stream: _Stream) -> int:
    """Read the markers into ``stream``; return where the end marker is."""
    for marker, offset in markers(data):
        if marker == END:
            return offset
        if marker in _FRAMES:
            _frame(data, offset + 4, marker, stream)
        elif marker == RESTARTS:
            (stream.interval,) = struct.unpack_from(">H", data, offset + 4)
        elif marker == SCAN:
            stream.ends.append(_scan(data, offset, stream))
            if len(stream.ends) > _MAX_SCANS:
                raise UnreadableImageError(f"expected at most {_MAX_SCANS} scans, but got more; save it again.")
    raise IndexError


def _frame(data: bytes, offset: int, marker: int, stream: _Stream) -> None:
    if stream.frame:
        raise KeyError
    _, height, width, components = struct.unpack_from(">BHHB", data, offset)
    stream.frame, stream.size = marker, (width, height)
    for index in range(components):
        name, factors = data[offset + 6 + 3 * index], data[offset + 7 + 3 * index]
        stream.sampling[name] = (factors >> 4, factors & 15)
        stream.missing[name] = np.ones(64, int)


def _scan(data: bytes, offset: int, stream: _Stream) -> int:
    """Note what a scan sends; return where it ends."""
    (length,) = struct.unpack_from(">H", data, offset + 2)
    names = [data[offset + 5 + 2 * index] for index in range(data[offset + 4])]
    first, last, low = data[offset + length - 1], data[offset + length], data[offset + length + 1] & 15
    for name in names:
        if stream.frame in _PROGRESSIVE:
            stream.missing[name][first : last + 1] = low
        else:
            stream.missing[name][:] = 0
    start = offset + 2 + length
    end = end_of_scan(data, start)
    if stream.interval and stream.frame not in _LOSSLESS:
        restarts = len(_RESTART.findall(data, start, end))
        if restarts != -(-_units(names, stream) // stream.interval) - 1:
            raise IndexError
    return end


def _units(names: list[int], stream: _Stream) -> int:
    """Return the units (MCU) of a scan: blocks of one component, or groups of blocks of several (T.81, A.2)."""
    largest = [max(factors[axis] for factors in stream.sampling.values()) for axis in (0, 1)]
    sides = list(stream.size)
    if len(names) == 1:
        sides = [
            -(-side * own // most) for side, own, most in zip(sides, stream.sampling[names[0]], largest, strict=True)
        ]
        largest = [1, 1]
    across, down = (-(-side // (8 * most)) for side, most in zip(sides, largest, strict=True))
    return across * down
