"""Pixels and facts of a photograph from the contents of its file, by the format that the contents have."""

from __future__ import annotations

from typing import Any, BinaryIO

from numpy.typing import NDArray

from fundus_mtl.photographs._formats import HEAD, Format, format_of
from fundus_mtl.photographs._header_facts import HeaderFacts, no_facts
from fundus_mtl.photographs._pixels import picture
from fundus_mtl.photographs._unreadable import UnreadableImageError


def pixels_of(data: bytes, frame: int | None, as_mask: bool, max_pixels: int) -> NDArray[Any]:
    """Return the upright pixels ``(H, W, C)`` of a file.

    Args:
        data: Bytes of the whole file.
        frame: Number of the frame, from 1; None for a file with one picture.
        as_mask: Whether it must be a mask.
        max_pixels: Largest width x height.

    Raises:
        UnreadableImageError: If it is damaged, too large, or not what it should be; errors of the decoders pass.
        FileNotFoundError: If there is no such frame.
    """
    found = _format(data[:HEAD], frame)
    if found is None:
        return picture(data, as_mask, max_pixels)
    if as_mask:
        raise UnreadableImageError("expected a mask as png, tif or bmp, but got another format; convert it.")
    return found.levels(data, frame, max_pixels)


def facts_in(file: BinaryIO, frame: int | None) -> HeaderFacts:
    """Return what the header of an open file says of eye, scale and burned-in text.

    Args:
        file: File, at its start.
        frame: Number of the frame, from 1; None for a file with one picture.

    Raises:
        UnreadableImageError: If the header is damaged; errors of the decoders pass.
        FileNotFoundError: If there is no such frame.
    """
    found = _format(file.read(HEAD), frame)
    file.seek(0)
    return no_facts() if found is None else found.facts(file, frame)


def _format(head: bytes, frame: int | None) -> Format | None:
    """Return the format of a file that begins so; None for an ordinary picture.

    Raises:
        FileNotFoundError: If a frame is named, and the format has none.
    """
    found = format_of(head)
    if frame is not None and (found is None or not found.framed):
        raise FileNotFoundError
    return found
