"""Keep machine paths, and the names of people inside them, out of what is sent to a tracking store.

Source: definitions.md, 2.4 (MLflow holds counts, metrics and hashes; never absolute paths).
"""

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
    """Replace absolute paths and addresses by ``<path>``, in dictionaries and lists too.

    Args:
        value: anything; text and paths are looked at, containers are copied, other values are returned as they are.

    Returns:
        The same structure; relative paths and single components inside expressions stay. Unquoted text after a path
        with blanks in it cannot be told from prose and stays too.
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
