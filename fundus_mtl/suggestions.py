"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str], otherwise: str = ".") -> str:
    """Return the end of an error message: a suggestion if a known name is similar to the word, else ``otherwise``.

    Example:
        >>> did_you_mean("evalute", ["train", "evaluate"])
        '; did you mean evaluate?'
        >>> did_you_mean("x", ["train", "evaluate"])
        '.'
    """
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else otherwise
