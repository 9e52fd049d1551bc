"""Errors that concern one photograph, and their description in a table row."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fundus_mtl.files import printable

PHOTOGRAPH_ERRORS: tuple[type[BaseException], ...] = (
    OSError,  # missing file, no permission, over its limit of time, Pillow's errors for truncated files
    ValueError,  # invalid input of a reader or transform
    RuntimeError,  # MONAI's wrapper, torch's shape errors
    SyntaxError,  # Pillow's "broken PNG file"
    EOFError,
    LookupError,  # Pillow's tag tables
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    MemoryError,
)
"""Errors that concern one photograph, also too little memory for it. Interrupts and programming errors are not included."""


def root_cause(exception: BaseException) -> BaseException:
    """Return the first error of a chain of causes: MONAI wraps it as ``applying transform ...``."""
    seen = {id(exception)}
    while exception.__cause__ is not None and id(exception.__cause__) not in seen:
        exception = exception.__cause__
        seen.add(id(exception))
    return exception


def plain_reason(exception: BaseException, item: Mapping[str, Any] | None = None) -> str:
    """Return in one line why a photograph failed, without absolute paths.

    Absolute paths may contain names of users and patients, and addresses of objects differ between runs, so both are
    removed. The file name at the start of a reader's message is removed too, because the row contains or hides it.

    Args:
        exception: The error, possibly wrapped.
        item: Item of the datalist, with ``id`` and ``image``; None if the error concerns no single photograph.
    """
    cause = root_cause(exception)
    if is_out_of_memory(cause):
        return "expected enough memory for this photograph, but got too little; reduce it, or give the program more."
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    if item is not None:
        image = str(item["image"])
        for spelling in (image, repr(image)[1:-1]):
            text = text.replace(spelling, str(item["id"]))
        text = text.removeprefix(f"{printable(Path(image).name)}: ").removeprefix(f"{Path(image).name}: ")
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "the file", text)
    text = re.sub(r"(?<![\w./])(?:/[^\s/'\":]+)+/", "", text)
    lines = text.strip().splitlines()
    return lines[0][:300] if lines else type(cause).__name__


def is_out_of_memory(cause: BaseException) -> bool:
    """Return whether an error of Python or of PyTorch means too little memory."""
    if not isinstance(cause, RuntimeError):
        return isinstance(cause, MemoryError)
    from torch import OutOfMemoryError  # only now: data preparation needs no torch

    return isinstance(cause, OutOfMemoryError) or "can't allocate memory" in str(cause)
