"""``KEY=VALUE`` of a command line: one dialect, YAML, for every verb."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fundus_mtl.files import check_yaml

_PYTHON = {"None": "null"}  # YAML reads it as text, which is never what is meant


def add_key_values(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Let a verb take ``KEY=VALUE`` after its other arguments, and as ``--set KEY=VALUE``.

    Args:
        parser: The verb's parser.
        meaning: What the keys are.
    """
    about = f"{meaning}; the value is YAML, such as 16, 0.5, true, null, [disc, cup]"
    parser.add_argument("key_values", nargs="*", metavar="KEY=VALUE", help=about)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="the same")


def key_values(given: argparse.Namespace) -> dict[str, Any]:
    """Return what a verb was given as ``KEY=VALUE``; the last value of a key counts, and ``--set`` comes first.

    Raises:
        ValueError: If a text has no ``=`` or its value is not YAML.
    """
    return parse_changes(given.set, "--set") | parse_changes(given.key_values)


def _check_size(label: str, value: str) -> None:
    try:
        check_yaml(value)
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error


def _comment(value: str) -> str:
    """Return the comment at the end of a YAML text, which YAML drops; empty if there is none."""
    import yaml

    end = max(token.end_mark.index for token in yaml.scan(value) if not isinstance(token, yaml.StreamEndToken))
    return value[end:].strip()


def parse_changes(texts: Sequence[str], option: str = "") -> dict[str, Any]:
    """Return ``KEY=VALUE`` texts as a dictionary; values are YAML, and the last value of a key counts.

    Args:
        texts: The arguments.
        option: Option that they were given with, for messages.

    Raises:
        ValueError: If a text has no ``=`` or its value is not YAML.
    """
    import yaml

    changes: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        label = f"{option} {key}".strip()
        if not sign or not key:
            raise ValueError(f"{option or 'arguments'}: expected KEY=VALUE, but got {text}.")
        if value in _PYTHON:
            raise ValueError(f"{label}: expected a value as YAML, but got {value}; write {key}={_PYTHON[value]}.")
        _check_size(label, value)
        try:
            changes[key] = yaml.safe_load(value)
            if rest := _comment(value):
                raise ValueError(
                    f"{label}: expected a value without a comment, but got {rest!r}, which YAML drops; put the value "
                    f"in quotes within quotes: {key}='\"{value}\"'."
                )
        except yaml.YAMLError as error:
            raise ValueError(f"{label}: expected a value as YAML, but got {value}.") from error
    return changes
