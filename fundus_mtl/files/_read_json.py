"""Read JSON from an untrusted source, with bounds on its size and depth."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

_QUOTED, _BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"'), re.compile(r"[][{}]")


def read_json(path: str | Path, largest: int = 2**20, deepest: int = 32, nan: bool = False) -> Any:
    """Return the content of a small JSON file.

    Python's parser ends in a ``RecursionError`` for deep brackets, which is no ``ValueError``; therefore they are counted
    before it starts.

    Args:
        path: Path of the file.
        largest: Largest size in bytes.
        deepest: Largest number of brackets inside each other.
        nan: Whether NaN and Infinity, which JSON does not have, are read as numbers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is larger or deeper, or is not JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a JSON file, but got none; check the path.")
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"expected at most {largest} bytes, but got more.")
    try:
        text, depth = content.decode("utf-8"), 0
    except UnicodeDecodeError:
        raise ValueError("expected JSON in UTF-8, but got other bytes.") from None
    for sign in _BRACKETS.findall(_QUOTED.sub("", text)):
        depth += 1 if sign in "[{" else -1
        if depth > deepest:
            raise ValueError(f"expected at most {deepest} brackets inside each other, but got more.")
    try:
        return json.loads(text, parse_constant=None if nan else _refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON, but got: {error}.") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"expected numbers of JSON, but got {name}.")
