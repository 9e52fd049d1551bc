"""What can be wrong with one photograph, and how to say it in a row."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

PHOTOGRAPH_ERRORS: tuple[type[BaseException], ...] = (
    OSError,  # no such file, no permission, Pillow's truncated and unidentified files
    ValueError,  # a reader or transform refuses what it got
    RuntimeError,  # MONAI's wrapper, torch's shape errors
    SyntaxError,  # Pillow's "broken PNG file"
    EOFError,
    LookupError,  # Pillow's tag tables
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""Errors that concern one photograph. Interrupts, lack of memory and programming errors are not among them."""


def root_cause(exception: BaseException) -> BaseException:
    """Return the error at the bottom of a chain: MONAI raises ``applying transform ...`` from the one that matters."""
    seen = {id(exception)}
    while exception.__cause__ is not None and id(exception.__cause__) not in seen:
        exception = exception.__cause__
        seen.add(id(exception))
    return exception


def plain_reason(exception: BaseException, item: Mapping[str, Any] | None = None) -> str:
    """Say in one line why a photograph failed, with its relative path only.

    Absolute paths hold the names of users and patients, and addresses of objects differ from run to run: both are removed.
    So is the file's name at the head of a reader's sentence: the row names the file, or hides it.

    Args:
        exception: the error, possibly wrapped.
        item: of the datalist, with ``id`` and ``image``; None where the error concerns no single photograph.
    """
    cause = root_cause(exception)
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    if item is not None:
        image = str(item["image"])
        for spelling in (image, repr(image)[1:-1]):
            text = text.replace(spelling, str(item["id"]))
        text = text.removeprefix(f"{Path(image).name}: ")
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "the file", text)
    text = re.sub(r"(?<![\w./])(?:/[^\s/'\":]+)+/", "", text)
    lines = text.strip().splitlines()
    return lines[0][:300] if lines else type(cause).__name__
