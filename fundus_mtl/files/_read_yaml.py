"""Read YAML from an untrusted source, with bounds on its size, its depth, and what its aliases stand for."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 2**20
DEEPEST = 64
MOST_VALUES = 100_000


@dataclass
class _Open:
    """A list or dictionary that has begun: its anchor, and how many values it has so far."""

    anchor: str | None
    values: int = 1


def read_yaml(path: str | Path) -> Any:
    """Return the content of a small YAML file: dictionaries, lists, texts, numbers, dates; no other objects.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file is too large, is nested too deep, or has aliases that stand for too many values.
        yaml.YAMLError: If it is not YAML.
    """
    import yaml

    return yaml.safe_load(yaml_text(path))


def yaml_text(path: str | Path) -> str:
    """Return the text of a small YAML or JSON file that `check_yaml` accepts; see `read_yaml`."""
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"expected YAML of at most {LARGEST} bytes, but got more; split it.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("expected YAML in UTF-8, but got other bytes; save it as UTF-8.") from None
    check_yaml(text)
    return text


def check_yaml(text: str) -> None:
    """Refuse a YAML text that is small but becomes large, before it is read.

    PyYAML calls itself for every level. An alias (``*name``) costs it nothing, but copying the result, or a walk through
    it, pays for each one: nine levels of nine aliases are 400 million values. A text that is no YAML is left to the
    reader, which names the line.

    Raises:
        ValueError: If it is nested too deep, or has too many values, aliases counted as what they stand for.
    """
    import yaml

    known: dict[str, int] = {}
    parts = [_Open(None)]
    with contextlib.suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            _count(event, parts, known)
            if len(parts) > DEEPEST + 1:
                raise ValueError(f"expected at most {DEEPEST} levels of YAML, but got more; write it flatter.")
            if parts[-1].values > MOST_VALUES:
                raise ValueError(
                    f"expected at most {MOST_VALUES} values, each alias counted as what it stands for, but got more; "
                    "remove aliases."
                )


def _count(event: Any, parts: list[_Open], known: dict[str, int]) -> None:
    import yaml

    if isinstance(event, yaml.CollectionStartEvent):
        parts.append(_Open(event.anchor))
    elif isinstance(event, yaml.CollectionEndEvent):
        _add(parts, known, parts.pop())
    elif isinstance(event, yaml.AliasEvent):
        parts[-1].values += known.get(event.anchor or "", 1)
    elif isinstance(event, yaml.ScalarEvent):
        _add(parts, known, _Open(event.anchor))


def _add(parts: list[_Open], known: dict[str, int], ended: _Open) -> None:
    parts[-1].values += ended.values
    if ended.anchor is not None:
        known[ended.anchor] = ended.values
