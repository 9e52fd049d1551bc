"""A submission to the REFUGE challenge, as its official evaluation code reads it.

Source: Orlando et al., REFUGE Challenge, Medical Image Analysis 2020; ignaciorlando/refuge-evaluation@b8fc1a8.

Where something is missing, that code silently averages over the masks that exist. It reads every score and coordinate as a
number and expects one for each photograph of the split: an empty cell, a NaN or a missing row makes the whole task's result
NaN, and so does a table of foveas with a single row. A mask without a cup is a Dice of 0; if the truth has no cup either,
the code stops. Here what is missing stays missing, as an empty cell or no mask, and `RefugeSubmission.finish` returns it;
no value is invented.
"""

from __future__ import annotations

import logging
import math
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.metrics.refuge import BACKGROUND, CUP, RIM
from fundus_mtl.results import Column, table, write_output

CLASSIFICATION = (Column("FileName", "", ""), Column("Glaucoma Risk", "0 to 1", ""))
FOVEA = (Column("ImageName", "", ""), Column("Fovea_X", "px", ""), Column("Fovea_Y", "px", ""))
_logger = logging.getLogger(__name__)


class RefugeSubmission:
    """Collect the answers about a split, one photograph at a time.

    Masks are written immediately as ``segmentation/<name>.bmp``, the tables ``classification_results.csv`` and
    ``fovea_location_results.csv`` by `finish`; every file is whole or absent. The official code compares names as they are,
    so they must be the challenge's own (``V0001``), without suffix.

    Args:
        output_dir: Folder of the submission, created if needed.
        training: Whether the photographs are from the training split. The official code takes its labels from the folders of
            masks, so names in ``classification_results.csv`` then end in ``.bmp``; otherwise in ``.jpg``, as those of foveas
            always do.

    Example:
        >>> submission = RefugeSubmission("submission")  # doctest: +SKIP
        >>> submission.add("V0001", codes, score=0.2, fovea_xy=(801.5, 790.0))  # doctest: +SKIP
        >>> submission.finish()  # doctest: +SKIP
    """

    def __init__(self, output_dir: str | Path, training: bool = False) -> None:
        self.output_dir = Path(output_dir)
        self.training = training
        self._scores: dict[str, float | None] = {}
        self._foveas: dict[str, tuple[float | None, float | None]] = {}
        self._masks: set[str] = set()

    def add(
        self,
        name: str,
        codes: NDArray[np.uint8] | None,
        score: float | None,
        fovea_xy: tuple[float, float] | None,
    ) -> None:
        """Take the answers about a photograph and write its mask.

        Args:
            name: Name of the photograph, without suffix.
            codes: Mask ``(H, W)`` uint8 at native size: 0 cup, 128 rim, 255 background (`fundus_mtl.metrics.refuge.encode`);
                None if there is no segmentation.
            score: Score from 0 to 1, higher for glaucoma; None or NaN if there is none.
            fovea_xy: Point ``(x, y)`` in native px; None or NaN if it was not found.

        Raises:
            ValueError: If the name is a path, empty or already used, or the codes are not REFUGE's.
            OutputError: If the output cannot be written at all.
        """
        self._check_name(name)
        if codes is not None:
            _write_mask(self.output_dir / "segmentation" / f"{name}.bmp", codes, name)
            self._masks.add(name)
        self._scores[name] = _known(score)
        x, y = (None, None) if fovea_xy is None else map(_known, fovea_xy)
        self._foveas[name] = (None, None) if x is None or y is None else (x, y)

    def finish(self) -> dict[str, list[str]]:
        """Write both tables, in the order of `add`; log what is missing.

        Returns:
            Names of the photographs without a ``segmentation``, ``classification`` or ``fovea``; the official code gives
            no result for the latter two tasks unless both lists are empty.

        Raises:
            OutputError: If the output cannot be written at all.
        """
        suffix = "bmp" if self.training else "jpg"
        scores = [{"FileName": f"{name}.{suffix}", "Glaucoma Risk": score} for name, score in self._scores.items()]
        foveas = [{"ImageName": f"{name}.jpg", "Fovea_X": x, "Fovea_Y": y} for name, (x, y) in self._foveas.items()]
        write_output(self.output_dir / "classification_results.csv", table(CLASSIFICATION, scores))
        write_output(self.output_dir / "fovea_location_results.csv", table(FOVEA, foveas))
        missing = {
            "segmentation": [name for name in self._scores if name not in self._masks],
            "classification": [name for name, score in self._scores.items() if score is None],
            "fovea": [name for name, place in self._foveas.items() if None in place],
        }
        for part, names in missing.items():
            if names:
                _logger.warning("REFUGE submission: %d of %d have no %s.", len(names), len(self._scores), part)
        return missing

    def _check_name(self, name: str) -> None:
        if not name or name in (".", "..") or {"/", "\\"} & set(name):
            raise ValueError("name: expected a photograph's name without folders, but got a path; take its last part.")
        if name in self._scores:
            raise ValueError(
                f"name: expected each photograph once, but got {name!r} again; give them other names (--names)."
            )


def _known(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _write_mask(path: Path, codes: NDArray[np.uint8], name: str) -> None:
    """Write a mask as in the challenge: BMP of mode L."""
    from PIL import Image

    if codes.ndim != 2 or codes.dtype != np.uint8 or not np.isin(codes, (CUP, RIM, BACKGROUND)).all():
        raise ValueError(
            f"{name}: expected uint8 codes 0, 128 and 255 of shape (H, W), but got {codes.dtype} {codes.shape} "
            "or other values; use fundus_mtl.metrics.refuge.encode."
        )
    stream = BytesIO()
    Image.fromarray(codes).save(stream, format="BMP")
    write_output(path, stream.getvalue())
