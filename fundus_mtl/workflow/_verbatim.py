"""Text for MONAI's parser, so that it arrives as it was written.

MONAI 1.6.1 replaces every ``#`` in a value by ``::``, also in the name of a folder, and evaluates text that starts with
``$``, ``@`` or ``%``. Here text with a ``#`` becomes an expression that evaluates to the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import Any

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import SEPARATOR

_EVALUATED = ("$", "@", "%")
_PATHS = frozenset({"disc_weights", "vessel_weights", "id_key_file", "ckpt_path", "ckpt_dir"})
_NOT_PARSED = ("_desc_", "_meta_")
_SIGNS = str.maketrans({sign: f"\\x{ord(sign):02x}" for sign in "@%#"})
_ID = re.compile(r"[@%](?:#|::)*\w*(?:(?:#|::)\w+)*")  # a reference in either notation, also a relative one
_OF_A_FILE = re.compile(r"%[^#]*\.(?:json|ya?ml)(?:(?:#|::).*)?", re.IGNORECASE)  # a macro: an item of another file


def literal(text: str) -> str:
    """Return a config value that means exactly this text, also if MONAI would evaluate it.

    Args:
        text: Text from outside, such as the path of a folder.
    """
    return _quoted(text) if text.startswith(_EVALUATED) or "#" in text else text


def paths_verbatim(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a user in which the paths mean exactly their text, see `literal`.

    Args:
        options: Values by id.
    """
    return {
        item: literal(str(value)) if item in _PATHS and isinstance(value, str | PathLike) else value
        for item, value in options.items()
    }


def keep_text(config: Any, parts: tuple[str, ...] = ()) -> Any:
    """Return a config in which MONAI's parser leaves every text as it is written.

    Args:
        config: Merged config, or a part of it.
        parts: Parts of the id of this part.

    Raises:
        RefusedError: If a ``#`` cannot be kept: in a key, or in an expression outside of a reference.
    """
    if isinstance(config, dict):
        return {key: _entry(key, value, parts) for key, value in config.items()}
    if isinstance(config, list):
        return [keep_text(value, (*parts, str(index))) for index, value in enumerate(config)]
    if not isinstance(config, str) or "#" not in config:
        return config
    if not config.startswith(_EVALUATED):
        return _quoted(config)
    if "#" in _ID.sub("", config) and not _OF_A_FILE.fullmatch(config):
        raise RefusedError(
            f"{SEPARATOR.join(parts)}: expected # only in a reference such as @a#b, but got {config!r}, where MONAI would "
            r"replace it by ::; write \x23 instead in a text between quotes."
        )
    return config


def _entry(key: Any, value: Any, parts: tuple[str, ...]) -> Any:
    if key in _NOT_PARSED:
        return value
    if "#" in str(key):
        raise RefusedError(
            f"{SEPARATOR.join(parts) or 'config'}: expected keys without #, but got {key!r}, which MONAI would read as "
            "::; rename the key."
        )
    return keep_text(value, (*parts, str(key)))


def _quoted(text: str) -> str:
    return f"${ascii(text).translate(_SIGNS)}"
