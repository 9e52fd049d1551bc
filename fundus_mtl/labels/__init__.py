"""What a label that comes from outside may be: words in tables, points, masks.

One place for these rules, so that data preparation, datalists, lists of photographs and transforms accept and refuse the
same things. NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.labels._masks import check_field, few, structure
    from fundus_mtl.labels._points import check_inside, check_point
    from fundus_mtl.labels._words import EYE_WORDS, read_eye, read_label, read_split, read_yes_no
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "EYE_WORDS",
    "check_field",
    "check_inside",
    "check_point",
    "few",
    "read_eye",
    "read_label",
    "read_split",
    "read_yes_no",
    "structure",
]
