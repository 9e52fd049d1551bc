"""Words of tables: a split, an eye, yes or no, a label of 0 or 1.

Case, blanks, hyphens, underscores and dots do not matter. Any other word is refused: a guess would turn a test photograph
into a training photograph, or a healthy eye into an ill one, without anyone noticing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Split = Literal["training", "validation", "testing"]
Side = Literal["R", "L"]

_SPLITS: dict[str, Split] = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "testing",
    "testing": "testing",
}
EYE_WORDS: dict[str, Side] = {"r": "R", "od": "R", "right": "R", "l": "L", "os": "L", "left": "L"}
"""Words for an eye, in lower case without blanks and dots."""
_YES_NO = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
_BINARY = re.compile(r"[01](\.0*)?")


def read_split(value: object) -> Split:
    """Return ``training``, ``validation`` or ``testing`` for train, training, val, valid, validation, test, testing.

    Raises:
        ValueError: for every other word; the sentence has no prefix, so that callers can name the row.

    Example:
        >>> read_split(" Test ")
        'testing'
    """
    if (split := _SPLITS.get(_word(value))) is None:
        raise ValueError(f"expected a split among train, validation and test, but got {value!r}; correct it.")
    return split


def read_eye(value: object) -> Side | None:
    """Return ``R`` for R, OD and right, ``L`` for L, OS and left, None for an empty cell and ``unknown``.

    Raises:
        ValueError: for every other word, such as OU.
    """
    word = _word(value)
    if word in ("", "unknown"):
        return None
    if word not in EYE_WORDS:
        raise ValueError(f"expected an eye as R or L, but got {value!r}; correct it, or leave it empty if unknown.")
    return EYE_WORDS[word]


def read_yes_no(value: object) -> bool:
    """Return whether a cell says yes, y, true or 1 (no, n, false or 0).

    Raises:
        ValueError: for every other word, the numbers 2 and -1 included.
    """
    word = str(value).strip()
    if _BINARY.fullmatch(word):
        return word[0] == "1"
    if (answer := _YES_NO.get(_word(value))) is None:
        raise ValueError(f"expected yes or no, but got {value!r}; correct it.")
    return answer


def read_label(value: object, name: str) -> int:
    """Return 1 or 0 for a binary label.

    Args:
        value: 0 or 1 (as a number or as text, also 1.0), yes or no, true or false, or the name of the label itself:
            ``Glaucoma`` is 1; ``Non-Glaucoma`` and ``no glaucoma`` are 0.
        name: Name of the label, such as ``glaucoma``.

    Raises:
        ValueError: for every other value. Codes 1 and 2 are refused, because they do not say which one is healthy.

    Example:
        >>> read_label("Non-Glaucoma", "glaucoma"), read_label("1.0", "glaucoma")
        (0, 1)
    """
    word, own = _word(value), _word(name)
    if word in (own, f"non{own}", f"no{own}"):
        return int(word == own)
    try:
        return int(read_yes_no(value))
    except ValueError:
        raise ValueError(
            f"expected 0 or 1 for {name}, but got {str(value)!r}; write 0 or 1, or leave it empty if unknown."
        ) from None


def _word(value: object) -> str:
    return re.sub(r"[\s\-_.]+", "", unicodedata.normalize("NFKC", str(value))).casefold()
