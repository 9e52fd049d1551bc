"""Remove paths of this machine, which may contain names of people, from what is sent to a tracking store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

HIDDEN = "<path>"
# Text that is a path or an address as a whole: /home/…, ~/…, C:\…, sqlite:////…, file:///…
_WHOLE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|~?/|~$|[A-Za-z]:[\\/]|\\\\).*", re.DOTALL)
# Inside other text, such as an expression: two components or more, so that `@bundle_root + '/models'` stays readable.
_QUOTED = re.compile(r"""(?<=['"])(?:[A-Za-z][A-Za-z0-9+.-]*:/{2}|[A-Za-z]:[\\/]|~/|/[^'"/]+/)[^'"]*(?=['"])""")
_INNER = re.compile(
    r"""(?<![\w.@:/<>)\]])(?:[A-Za-z][\w+.-]*:/{2,}[^\s'"]*"""
    r"""|(?:~|[A-Za-z]:)?[\\/](?:[^\s'",;()\[\]{}\\/]+[\\/])+[^\s'",;()\[\]{}]*)"""
)


def without_paths(value: Any) -> Any:
    """Replace absolute paths and addresses by ``<path>``, also inside dictionaries and lists.

    Args:
        value: any value; text and paths are checked, containers are copied, other values are returned unchanged.

    Returns:
        The same structure. Relative paths and single components inside expressions are kept. Of an unquoted path that
        contains blanks, the part after the first blank is kept, because it cannot be distinguished from prose.
    """
    if isinstance(value, Mapping):
        return {str(key): without_paths(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_paths(entry) for entry in value]
    if isinstance(value, PurePath):
        value = str(value)
    if not isinstance(value, str):
        return value
    if _WHOLE.fullmatch(value):
        return HIDDEN
    return _INNER.sub(HIDDEN, _QUOTED.sub(HIDDEN, value))
