"""The optic cup. What is measured in it needs the disc, see `CupToDisc`."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl.results._role import MaskRole


class Cup(MaskRole):
    """The optic cup. Where there is a disc, only its part inside the disc counts."""

    name: ClassVar[str] = "cup"
    structures: ClassVar[tuple[str, ...]] = ("cup",)
