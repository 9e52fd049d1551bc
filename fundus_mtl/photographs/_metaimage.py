"""The header of a MetaImage file (mha), without ITK.

Source: the MetaIO documentation of ITK (https://itk.org/Wiki/MetaIO/Documentation).
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._inflate import ZLIB_OR_GZIP
from fundus_mtl.photographs._unreadable import UnreadableImageError
from fundus_mtl.photographs._volume import Volume
from fundus_mtl.photographs._volume_header import add_field, counts, header_lines, level_type, numbers

_END = rb"(?<=\n)ElementDataFile[ \t]*=[^\n]*\n"
_FIELD = re.compile(r"([A-Za-z][\w.|: -]*?)\s*=\s*(.*)")
_TYPES = {"MET_UCHAR": 1, "MET_USHORT": 2}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
# Fields that would change the pixels or their place, with the only value that is accepted.
_FIXED = {"ObjectType": "Image", "BinaryData": "True", "HeaderSize": "0", "ElementDataFile": "LOCAL"}


def metaimage(head: bytes) -> Volume:
    """Return what a MetaImage header promises.

    Args:
        head: first bytes of the file, at least ``MAX_HEADER`` or all of it.

    Raises:
        UnreadableImageError: if the pixels are elsewhere, or the header is not a plain one.
    """
    lines, start = header_lines(head, _END)
    fields = _fields(lines)
    _refuse_unusual(fields)
    axes = _count(fields, "NDims", "a number of axes")
    if axes not in (2, 3):
        raise UnreadableImageError(f"expected a picture of 2 or 3 axes, but got {axes}; save one slice.")
    shape = tuple(counts(fields.get("DimSize", ""), "sizes"))
    if len(shape) != axes:
        raise UnreadableImageError(f"expected {axes} sizes in the header, but got {len(shape)}; save it again.")
    packed = _flag(fields, "CompressedData")
    spacing = numbers(fields.get("ElementSpacing", fields.get("ElementSize", "1 " * axes)), axes, "spacing")
    return Volume(
        shape=shape,
        channels=_count(fields, "ElementNumberOfChannels", "a number of channels", "1"),
        channel_axis=0,
        dtype=level_type(fields.get("ElementType", ""), _TYPES, _big_endian(fields)),
        wbits=ZLIB_OR_GZIP if packed else None,
        start=start,
        packed_size=_count(fields, "CompressedDataSize", "a size") if packed else None,
        directions=_directions(fields, axes),
        spacing=(spacing[0], spacing[1]),
    )


def _fields(lines: list[str]) -> dict[str, str]:
    """Return the fields by name; unknown ones change nothing and are kept."""
    fields: dict[str, str] = {}
    for line in filter(str.strip, lines):
        match = _FIELD.fullmatch(line.strip())
        if match is None:
            raise UnreadableImageError("expected lines of the form name = value in the header, but got another.")
        add_field(fields, match[1], match[2].strip())
    return fields


def _refuse_unusual(fields: dict[str, str]) -> None:
    for name, value in _FIXED.items():
        if fields.get(name, value).lower() != value.lower():
            if name == "ElementDataFile":
                raise UnreadableImageError(
                    "expected header and pixels in one file, but got them apart; save it as mha or nrrd."
                )
            raise UnreadableImageError(
                f"expected {name} = {value} in the header, but got another value; save it again."
            )


def _count(fields: dict[str, str], name: str, meaning: str, default: str = "") -> int:
    found = counts(fields.get(name, default), name)
    if len(found) != 1:
        raise UnreadableImageError(f"expected {meaning} as {name} in the header, but got several; save it again.")
    return found[0]


def _flag(fields: dict[str, str], name: str) -> bool:
    value = _FLAGS.get(fields.get(name, "False").lower())
    if value is None:
        raise UnreadableImageError(f"expected True or False as {name} in the header, but got another; save it again.")
    return value


def _big_endian(fields: dict[str, str]) -> bool:
    flags = {_flag(fields, name) for name in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB") if name in fields}
    if len(flags) > 1:
        raise UnreadableImageError("expected one order of bytes in the header, but got two; save it again.")
    return flags == {True}


def _directions(fields: dict[str, str], axes: int) -> NDArray[np.float64]:
    given = [fields[name] for name in ("TransformMatrix", "Rotation", "Orientation") if name in fields]
    if len(given) > 1:
        raise UnreadableImageError("expected one matrix of directions in the header, but got several; save it again.")
    directions = np.eye(3)
    if given:  # the file has a row per axis
        directions[:axes, :axes] = np.reshape(numbers(given[0], axes * axes, "directions"), (axes, axes)).T
    return directions
