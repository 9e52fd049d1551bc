"""Refuse values that would be read as something else."""

from __future__ import annotations

import re
from typing import Any

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import SEPARATOR

_PLAIN = (str, bool, int, float, list, dict, type(None))  # kinds of a configuration file; Python may pass objects
# 1e-4, 5E3, 1.0e4: numbers everywhere but in YAML 1.1, which wants both a dot and a sign.
_ALMOST_A_NUMBER = re.compile(r"([+-]?)(\d*)\.?(\d*)[eE]([+-]?)(\d+)")


def check_kind(label: str, value: Any, current: Any) -> None:
    """Refuse an override of another kind than the item it replaces.

    Args:
        label: The item as the user wrote it.
        value: New value; expressions (``$``), references (``@``), macros (``%``) and objects are always accepted.
        current: Value in the merged config; None and the text ``auto`` accept everything.

    Raises:
        RefusedError: If the kinds differ; null may stand for texts, lists, dictionaries and numbers.
    """
    if current == "auto" or _is_expression(value) or not isinstance(value, _PLAIN):
        return
    if advice := _advice(value, current):
        raise RefusedError(f"{label} {value}: the item is {advice}")


def _advice(value: Any, current: Any) -> str | None:
    """Return what a value must be instead; None if it is right."""
    if isinstance(current, bool):
        return None if isinstance(value, bool) else "a boolean, write True or False"
    if value is None or _is_expression(current):
        return None
    if isinstance(current, str):
        return None if isinstance(value, str) else f"a text, write it in quotes within quotes: '\"{value}\"'"
    if isinstance(current, int | float):
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        return f"a number, write for example {current}" if wrong else None
    if isinstance(current, list):
        return _advice_of_list(value, current)
    return "a dictionary, write it in braces" if isinstance(current, dict) and not isinstance(value, dict) else None


def _advice_of_list(value: Any, current: list[Any]) -> str | None:
    if not isinstance(value, list):
        return "a list, write it in brackets"
    texts = bool(current) and all(isinstance(entry, str) for entry in current)
    wrong = texts and not all(isinstance(entry, str) for entry in value)
    return f"a list of texts, write for example {current}" if wrong else None


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("$", "@", "%"))


def check_numbers(config: Any, parts: tuple[str, ...] = ()) -> None:
    """Refuse text that looks like a number, which is what YAML makes of ``1e-4``.

    Raises:
        RefusedError: If there is such text.
    """
    if isinstance(config, (dict, list)):
        for key, value in config.items() if isinstance(config, dict) else enumerate(config):
            if key != "_desc_":
                check_numbers(value, (*parts, str(key)))
    elif isinstance(config, str) and (match := _ALMOST_A_NUMBER.fullmatch(config)) and (match[2] or match[3]):
        remedy = f"{match[1]}{match[2] or 0}.{match[3] or 0}e{match[4] or '+'}{match[5]}"
        raise RefusedError(f"{SEPARATOR.join(parts)}: {config} is text to YAML, write {remedy}")
