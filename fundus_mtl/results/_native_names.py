"""Names of files in UTF-8, whatever the locale: results have the same names everywhere, and every name can be written."""

from __future__ import annotations

import os


def native(name: str) -> str:
    """Return a name as Python has to spell it here, so that the file's name is in UTF-8.

    In a UTF-8 locale that is the name itself. In others, such as ISO-8859-1, Python would write another name or none.
    """
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def portable(name: str) -> str:
    """Return the name of which `native` is the spelling here."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
