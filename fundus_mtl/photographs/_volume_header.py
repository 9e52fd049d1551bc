"""The words of a text header (mha, nrrd), read by strict rules."""

from __future__ import annotations

import math
import re

import numpy as np

from fundus_mtl.photographs._unreadable import UnreadableImageError

MAX_HEADER = 2**16
"""Bytes within which the header has to end."""
MAX_NUMBER = 2**31 - 1
"""Largest count that a header may name; more digits are not even converted."""


def header_lines(head: bytes, end: bytes) -> tuple[list[str], int]:
    r"""Return the lines of a header in text, and how many bytes it takes.

    Line ends are a line feed, or a carriage return and a line feed; the same throughout. Any other control character is
    refused, a carriage return alone above all: some readers take it for a line end and others do not.

    Args:
        head: the file's first bytes.
        end: regular expression of the end of the header, with a line end as ``\r?\n``.

    Raises:
        UnreadableImageError: if the header does not end within ``MAX_HEADER`` bytes, or has control characters.
    """
    match = re.search(end, head[:MAX_HEADER])
    if match is None:
        raise UnreadableImageError(
            "expected header and pixels in one file, but got them apart or a header without end; save it as mha or nrrd."
        )
    text = head[: match.end()].decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").split("\n")
    if any(not character.isprintable() and character != "\t" for line in lines for character in line):
        raise UnreadableImageError("expected a header in plain text, but got control characters; save it again.")
    return lines, match.end()


def numbers(text: str, count: int, name: str) -> list[float]:
    """Return so many finite numbers of a field.

    Raises:
        UnreadableImageError: if there are others.
    """
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        found = []
    if len(found) != count or not all(math.isfinite(number) for number in found):
        raise UnreadableImageError(f"expected {count} numbers as {name} in the header, but got others; save it again.")
    return found


def counts(text: str, name: str) -> list[int]:
    """Return the whole numbers from 0 of a field.

    Raises:
        UnreadableImageError: if one is something else, or above ``MAX_NUMBER``.
    """
    words = text.split()
    if not words or not all(word.isascii() and word.isdigit() and len(word) <= 10 for word in words):
        raise UnreadableImageError(f"expected whole numbers as {name} in the header, but got others; save it again.")
    found = [int(word) for word in words]
    if max(found) > MAX_NUMBER:
        raise UnreadableImageError(f"expected {name} up to {MAX_NUMBER} in the header, but got more; save it again.")
    return found


def add_field(fields: dict[str, str], name: str, value: str) -> None:
    """Add a field to those of a header.

    Raises:
        UnreadableImageError: if it is there already: readers differ in which of the two counts.
    """
    if name in fields:
        raise UnreadableImageError("expected each field once in the header, but got one twice; save it again.")
    fields[name] = value


def level_type(name: str, types: dict[str, int], big_endian: bool) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
    """Return the type of unsigned levels of 1 or 2 bytes.

    Args:
        name: Name of the type, as in the header.
        types: bytes of a level, by the names of a format.
        big_endian: order of the bytes.

    Raises:
        UnreadableImageError: for every other type.
    """
    if name not in types:
        raise UnreadableImageError("expected unsigned levels of 8 or 16 bits, but got another type; convert it.")
    return np.dtype(np.uint8) if types[name] == 1 else np.dtype(">u2" if big_endian else "<u2")
