"""How REFUGE's archives unpack, for writing phantoms.

Names, doubled folders, sheets whose columns differ per split, and mask codes are those of the challenge's downloads as
its own evaluation code reads them (ignaciorlando/refuge-evaluation@b8fc1a8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CUP, RIM, BACKGROUND = 0, 128, 255  # REFUGE's mask codes


@dataclass(frozen=True)
class SplitLayout:
    """Where one split of REFUGE keeps its files.

    Attributes:
        images: folder of the photographs.
        masks: folder of the masks.
        sheet: the workbook of foveas and labels.
        label_column: Column of the labels; ``None`` if folders and first letters hold them.
        letter: First letter of a photograph's name; ``None`` for g (glaucoma) and n.
    """

    images: Path
    masks: Path
    sheet: Path
    label_column: str | None
    letter: str | None

    def name(self, glaucoma: bool, number: int) -> str:
        """Return a photograph's name without suffix, for instance ``Glaucoma/g0001`` or ``V0001``."""
        if self.letter:
            return f"{self.letter}{number:04d}"
        return f"Glaucoma/g{number:04d}" if glaucoma else f"Non-Glaucoma/n{number:04d}"


def refuge_layout(split: str) -> SplitLayout:
    """Return the layout of ``"train"``, ``"validation"`` or ``"test"``; ``KeyError`` otherwise."""
    training, validation = Path("Annotation-Training400/Annotation-Training400"), Path("REFUGE-Validation400-GT")
    test, masks = Path("REFUGE-Test-GT"), "Disc_Cup_Masks"
    return {
        "train": SplitLayout(
            Path("REFUGE-Training400/Training400"), training / masks, training / "Fovea_location.xlsx", None, None
        ),
        "validation": SplitLayout(
            Path("REFUGE-Validation400/REFUGE-Validation400"),
            validation / masks,
            validation / "Fovea_locations.xlsx",
            "Glaucoma Label",
            "V",
        ),
        "test": SplitLayout(
            Path("REFUGE-Test400/Test400"),
            test / masks,
            test / "Glaucoma_label_and_Fovea_location.xlsx",
            "Label(Glaucoma=1)",
            "T",
        ),
    }[split]
