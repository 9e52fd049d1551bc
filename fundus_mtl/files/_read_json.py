"""Read JSON from an untrusted source, with bounds on its size and depth."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
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
        ValueError: If the file is larger or deeper, or is not JSON, has a key twice in an object, or half a character.
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
    constant, number = (None, None) if nan else (_refuse, _finite)
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=constant, parse_float=number)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON, but got: {error}.") from error
    if _SURROGATE.search(text):
        _refuse_halves(found)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the dictionary; Python's parser takes the last of equal keys, in silence."""
    found = dict(pairs)
    if len(found) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"expected every key once, but got {twice!r} twice in one object; remove one.")
    return found


def _finite(text: str) -> float:
    """Return the number; ``1e999`` is infinite in Python."""
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse_halves(found: Any) -> None:
    """Refuse escapes of half a character, which cannot be written to any file."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("expected whole characters, but got half of one (a lone surrogate); write it again.") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"expected numbers of JSON, but got {name}.")
