"""Values of a command line that Python Fire cut at a ``#``, which it reads as the start of a comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fundus_mtl.workflow._error import RefusedError


def refuse_lost_comments(arguments: Sequence[str], given: Mapping[str, Any]) -> None:
    """Refuse an override whose text lost what follows a ``#``.

    Args:
        arguments: Arguments of the process, ``--key value`` or ``--key=value``.
        given: Overrides by id, as Python Fire read them.

    Raises:
        RefusedError: If there is one.
    """
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        if not argument.startswith("--"):
            continue
        option, sign, text = argument.partition("=")
        text, key = text if sign else following, option.removeprefix("--")
        if "#" in text and not text.startswith("--") and key in given and "#" not in str(given[key]):
            raise RefusedError(
                f"{option}: expected a value without #, but got {text!r}, which the command line reads as {given[key]!r} "
                f"and a comment; write it in quotes within quotes: '\"{text}\"'."
            )
