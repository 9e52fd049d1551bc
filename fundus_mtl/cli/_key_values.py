"""``KEY=VALUE`` of a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Return ``KEY=VALUE`` texts as a dictionary; values are YAML.

    Raises:
        ValueError: if a text has no ``=``, or its value is no YAML.
    """
    import yaml

    changes = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise ValueError(f"--set: expected KEY=VALUE, but got {text}.")
        try:
            changes[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ValueError(f"--set {key}: expected a value as YAML, but got {value}.") from error
    return changes
