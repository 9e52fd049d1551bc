"""Figures at the end of an evaluation: the worst, median and best cases, and the ROC curves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from ignite.engine import Engine, Events
from numpy.typing import NDArray

from fundus_mtl.figures import picture_groups, roc_of_scores, save_figure
from fundus_mtl.files import write_whole
from fundus_mtl.handlers._case_table import CaseTable, samples
from fundus_mtl.handlers._ranked_cases import encode_jpeg, pick, worst_ranks

Picture = NDArray[np.uint8]
End = Literal["lowest", "highest"]
CASES = "cases"  # folder of the pictures of single cases


class Draw(Protocol):
    """A function that draws a sample on its photograph ``(H, W, 3)``, in one picture or in several parts."""

    def __call__(self, image: Picture, sample: Mapping[str, Any], /) -> Picture:
        """Return a picture ``(h, w, 3)``."""

    def parts(self, image: Picture, sample: Mapping[str, Any], /) -> dict[str, Picture]:
        """Return pictures by name; only used with ``keep``."""


class CaseFigures:
    """Draw every case during the evaluation, keep small JPEGs in memory, and write the figures at the end.

    Writes ``cases_<key>.jpg`` (``cases_worst_task.jpg`` for several columns), and ``roc.png`` if both classes have a score.
    A case takes about 50 kB of memory. With ``keep``, also writes ``cases/<n>_<part>.jpg`` for the n-th row of the table, n
    from 0, for a comparison of methods.

    Args:
        table: table whose rows rank the cases; must be attached to the same engine before this handler.
        read_image: function from a sample to its photograph, uint8 ``(H, W, 3)``.
        draw: function from photograph and sample to a picture, such as `SampleOverlay`; with ``keep``, its method ``parts``
            is called too.
        output_dir: output folder; created if it does not exist.
        key: column of the table that ranks the cases; or several columns with the bad end of each, such as
            ``{"disc_dice": "lowest", "fovea_error_px": "highest"}``: the worst of them counts, see `worst_ranks`. Cases
            without a value are skipped.
        worst: whether the lowest or the highest value is the worst, for a single column.
        count: number of the worst, the median and the best cases.
        width: width of the pictures in the figure, px.
        keep: whether to write the pictures of every case too.
    """

    def __init__(
        self,
        table: CaseTable,
        read_image: Callable[[Mapping[str, Any]], Picture],
        draw: Draw,
        output_dir: str | Path,
        key: str | Mapping[str, End] = "disc_dice",
        worst: End = "lowest",
        count: int = 3,
        width: int = 512,
        keep: bool = False,
    ) -> None:
        self.table = table
        self.read_image = read_image
        self.draw = draw
        self.output_dir = Path(output_dir)
        self.ends: dict[str, End] = {key: worst} if isinstance(key, str) else dict(key)
        self.count = count
        self.width = width
        self.keep = keep
        self.pictures: list[bytes] = []

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        """Remove the pictures of an earlier run."""
        self.pictures.clear()
        shutil.rmtree(self.output_dir / CASES, ignore_errors=True)

    def collect(self, engine: Engine) -> None:
        """Draw the samples of a batch."""
        for sample in samples(engine):
            image = self.read_image(sample)
            if self.keep:
                self._keep(image, sample)
            self.pictures.append(encode_jpeg(self.draw(image, sample), self.width))

    def _keep(self, image: Picture, sample: Mapping[str, Any]) -> None:
        """Write the parts of a case under its number, because an id may not be a valid file name."""
        folder = self.output_dir / CASES
        folder.mkdir(parents=True, exist_ok=True)
        for part, picture in self.draw.parts(image, sample).items():
            write_whole(folder / f"{len(self.pictures)}_{part}.jpg", encode_jpeg(picture, picture.shape[1]))

    def write(self) -> None:
        """Write the figures.

        Raises:
            ValueError: if the table is not attached to the same engine.
        """
        if len(self.table.rows) != len(self.pictures):
            raise ValueError(
                f"table: expected {len(self.pictures)} rows, but got {len(self.table.rows)}; attach both to one engine."
            )
        self.output_dir.mkdir(parents=True, exist_ok=True)
        values = {key: np.array([row.get(key, np.nan) for row in self.table.rows], dtype=float) for key in self.ends}
        order, worst = worst_ranks(values, {key: end == "highest" for key, end in self.ends.items()})
        groups = {name: rows for name, rows in pick(order, self.count, highest_is_worst=True).items() if rows}
        if groups:
            shown = {
                name: [self._titled(name, row, worst[row], values[worst[row]][row]) for row in rows]
                for name, rows in groups.items()
            }
            ranked_by = next(iter(self.ends)) if len(self.ends) == 1 else "worst_task"
            panel = picture_groups(shown, self.count, getattr(self.draw, "legend", None))
            save_figure(panel, self.output_dir / f"cases_{ranked_by}.jpg")
        if figure := roc_of_scores(self.table.rows):
            save_figure(figure, self.output_dir / "roc.png")

    def _titled(self, group: str, row: int, key: str, value: float) -> tuple[str, Picture]:
        """Return the title and the picture of a case."""
        from PIL import Image

        picture = np.asarray(Image.open(BytesIO(self.pictures[row])))
        return f"{group}: {self.table.rows[row]['id']}\n{key} {value:.3f}", picture
