"""Refuse values that would be read as something else."""

from __future__ import annotations

import re
from typing import Any

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import SEPARATOR

# 1e-4, 5E3, 1.0e4: numbers everywhere but in YAML 1.1, which wants both a dot and a sign.
_ALMOST_A_NUMBER = re.compile(r"([+-]?)(\d*)\.?(\d*)[eE]([+-]?)(\d+)")


def check_kind(label: str, value: Any, current: Any) -> None:
    """Refuse an override of another kind than the item it replaces.

    Args:
        label: The item as the user wrote it.
        value: New value; expressions (``$``), references (``@``) and macros (``%``) are always accepted.
        current: Value in the merged config; None and the text ``auto`` accept everything.

    Raises:
        RefusedError: If a boolean is given as text or number, a number as text, boolean, list or dictionary, a list or
            dictionary as text, a text as anything else.
    """
    if current == "auto" or (isinstance(value, str) and value.startswith(("$", "@", "%"))):
        return
    advice = None
    if (
        isinstance(current, str)
        and not current.startswith(("$", "@", "%"))
        and isinstance(value, int | float | list | dict)
    ):
        advice = f"a text, write it in quotes within quotes: '\"{value}\"'"
    elif isinstance(current, bool):
        advice = None if isinstance(value, bool) else "a boolean, write True or False"
    elif isinstance(current, (int, float)):
        advice = f"a number, write for example {current}" if isinstance(value, (str, bool, list, dict)) else None
    elif isinstance(current, (list, dict)) and isinstance(value, str):
        advice = "a list, write it in brackets" if isinstance(current, list) else "a dictionary, write it in braces"
    if advice:
        raise RefusedError(f"{label} {value}: the item is {advice}")


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
