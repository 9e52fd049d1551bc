"""The header of an NRRD file, without ITK.

Source: the definition of the NRRD file format (https://teem.sourceforge.net/nrrd/format.html).
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._inflate import GZIP
from fundus_mtl.photographs._unreadable import UnreadableImageError
from fundus_mtl.photographs._volume import Volume
from fundus_mtl.photographs._volume_header import add_field, counts, header_lines, level_type, numbers

_END = rb"\n\r?\n"
_MAGIC = re.compile(r"NRRD000[1-5]")
_FIELD = re.compile(r"([A-Za-z][A-Za-z ]*): *(.*)")
_OWN_KEY = re.compile(r"[^:]+:=")  # a key of one's own, and its value
_TYPES = dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), 1)
_TYPES |= dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2)
_ENCODINGS = {"raw": None, "gzip": GZIP, "gz": GZIP}
_DOMAIN = ("domain", "space", "none", "???", "unknown")
_COLOUR = ("vector", "rgb-color", "rgba-color", "3-color", "4-color", "list")
# Signs that bring a space's first two axes to LPS.
_SPACES = {
    "left-posterior-superior": (1, 1),
    "lps": (1, 1),
    "left-anterior-superior": (1, -1),
    "las": (1, -1),
    "right-anterior-superior": (-1, -1),
    "ras": (-1, -1),
}
_NEEDED = ("type", "dimension", "sizes", "encoding")
_READ = (
    *_NEEDED,
    "endian",
    "kinds",
    "space",
    "space dimension",
    "space directions",
    "spacings",
    "line skip",
    "byte skip",
)
# Fields that change neither the pixels nor how they are seen.
_IGNORED = {"content", "number", "block size", "blocksize", "min", "max", "old min", "oldmin", "old max", "oldmax"}
_IGNORED |= {
    "thicknesses",
    "axis mins",
    "axismins",
    "axis maxs",
    "axismaxs",
    "centers",
    "centerings",
    "labels",
    "units",
}
_IGNORED |= {"space units", "space origin", "measurement frame", "sample units", "sampleunits"}
_ALIASES = {"lineskip": "line skip", "byteskip": "byte skip", "datafile": "data file"}


def nrrd(head: bytes) -> Volume:
    """Return what an NRRD header promises.

    Args:
        head: first bytes of the file, at least ``MAX_HEADER`` or all of it.

    Raises:
        UnreadableImageError: if the pixels are elsewhere, or the header is not a plain one.
    """
    lines, start = header_lines(head, _END)
    fields = _fields(lines)
    sizes = counts(fields["sizes"], "sizes")
    if counts(fields["dimension"], "dimension") != [len(sizes)]:
        raise UnreadableImageError("expected as many sizes as dimensions in the header, but got others; save it again.")
    kinds = fields.get("kinds", "domain " * len(sizes)).lower().split()
    axis = _channel_axis(kinds, len(sizes))
    shape = tuple(size for index, size in enumerate(sizes) if index != axis)
    if len(shape) not in (2, 3):
        raise UnreadableImageError(f"expected a picture of 2 or 3 axes, but got {len(shape)}; save one slice.")
    dtype = level_type(fields["type"].lower(), _TYPES, fields.get("endian", "").lower() == "big")
    if dtype.itemsize > 1 and fields.get("endian", "").lower() not in ("big", "little"):
        raise UnreadableImageError("expected big or little as endian in the header, but got neither; save it again.")
    directions, spacing = _axes(fields, axis, len(shape))
    return Volume(
        shape=shape,
        channels=1 if axis is None else sizes[axis],
        channel_axis=axis or 0,
        dtype=dtype,
        wbits=_ENCODINGS[fields["encoding"].lower()],
        start=start,
        packed_size=None,
        directions=directions,
        spacing=spacing,
    )


def _fields(lines: list[str]) -> dict[str, str]:
    """Return the fields by name, in lower case.

    Raises:
        UnreadableImageError: for unknown fields, and as `_refuse_unusual`.
    """
    fields: dict[str, str] = {}
    if not _MAGIC.fullmatch(lines[0]):
        raise UnreadableImageError("expected NRRD of version 1 to 5, but got another; save it again.")
    for line in lines[1:]:
        if line.startswith("#") or not line.strip() or _OWN_KEY.match(line):
            continue
        match = _FIELD.fullmatch(line)
        name = "" if match is None else _ALIASES.get(match[1].lower(), match[1].lower())
        if match is None or name not in (*_READ, *_IGNORED, "data file"):
            raise UnreadableImageError("expected known fields in the header, but got another; save it again.")
        add_field(fields, name, match[2].strip())
    _refuse_unusual(fields)
    return fields


def _refuse_unusual(fields: dict[str, str]) -> None:
    if "data file" in fields:
        raise UnreadableImageError(
            "expected header and pixels in one file, but got them apart; save it as mha or nrrd."
        )
    if missing := [name for name in _NEEDED if name not in fields]:
        raise UnreadableImageError(f"expected {missing[0]} in the header, but it is missing; save it again.")
    if fields["encoding"].lower() not in _ENCODINGS:
        raise UnreadableImageError("expected encoding raw or gzip in the header, but got another; save it again.")
    if any(fields.get(name, "0") != "0" for name in ("line skip", "byte skip")):
        raise UnreadableImageError("expected pixels right after the header, but got a skip; save it again.")


def _channel_axis(kinds: list[str], axes: int) -> int | None:
    """Return which axis holds the channels; None where there is one channel."""
    channel = [index for index, kind in enumerate(kinds) if kind not in _DOMAIN]
    if len(kinds) != axes or len(channel) > 1 or any(kinds[index] not in _COLOUR for index in channel):
        raise UnreadableImageError("expected kinds of a picture or of its colours, but got others; save it again.")
    return channel[0] if channel else None


def _axes(fields: dict[str, str], channel: int | None, axes: int) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Return the directions ``(3, 3)`` in LPS, a column per axis, and the spacing along the first two."""
    directions = np.eye(3)
    if "space directions" not in fields:
        words = fields.get("spacings", "1 " * (axes + (channel is not None))).split()
        kept = " ".join(word for index, word in enumerate(words) if index != channel)
        spacing = numbers(kept, axes, "spacings")
        return directions, (spacing[0], spacing[1])
    vectors = np.reshape(
        numbers(_vectors(fields["space directions"], channel), axes * axes, "directions"), (axes, axes)
    )
    directions[:axes, :axes] = vectors.T
    lengths = np.linalg.norm(vectors, axis=1)
    directions[:axes, :axes] /= np.where(lengths > 0, lengths, 1)
    directions[:2] *= np.array(_signs(fields))[:, None]
    return directions, (float(lengths[0]), float(lengths[1]))


def _vectors(text: str, channel: int | None) -> str:
    """Return the numbers of vectors such as ``none (1,0) (0,1)``, without the one of the channels."""
    words = re.findall(r"none|\([^()]*\)", text)
    if "".join(words) != re.sub(r"\s+(?![^()]*\))", "", text) or words.count("none") != (channel is not None):
        return ""
    kept = [word[1:-1].replace(",", " ") for word in words if word != "none"]
    return " ".join(kept) if channel is None or words[channel] == "none" else ""


def _signs(fields: dict[str, str]) -> tuple[int, int]:
    space = fields.get("space", "left-posterior-superior").lower()
    if space not in _SPACES:
        raise UnreadableImageError("expected a space of left, posterior and superior, but got another; save it again.")
    return _SPACES[space]
