"""Pictures at the end of an evaluation: the worst, median and best cases, and the ROC curves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from ignite.engine import Engine, Events
from numpy.typing import NDArray

from fundus_mtl.figures import roc_of_scores
from fundus_mtl.files import write_whole
from fundus_mtl.handlers._case_table import CaseTable, samples
from fundus_mtl.handlers._ranked_cases import encode_jpeg, pick, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = NDArray[np.uint8]
CASES = "cases"  # folder of the pictures of single cases


class Draw(Protocol):
    """From a photograph ``(H, W, 3)`` and its sample to a picture, whole or in parts."""

    def __call__(self, image: Picture, sample: Mapping[str, Any], /) -> Picture:
        """Return a picture ``(h, w, 3)``."""

    def parts(self, image: Picture, sample: Mapping[str, Any], /) -> dict[str, Picture]:
        """Return pictures by name; needed for ``keep`` only."""


class CaseFigures:
    """Draw every case while it is at hand, keep small JPEGs in memory, write a panel and the ROC curves at the end.

    Writes ``cases_<key>.jpg``, and ``roc.png`` where both classes have a score. A case takes about 50 kB of memory. With
    ``keep``, also ``cases/<n>_<part>.jpg`` for the n-th row of the table, n from 0: what a comparison of methods shows.

    Args:
        table: whose rows rank the cases; attached to the same engine before this.
        read_image: from a sample to its photograph, uint8 ``(H, W, 3)``.
        draw: from that picture and the sample to a picture, such as `SampleOverlay`; with ``keep``, its method ``parts``
            gives pictures by name.
        output_dir: where to write; made if need be.
        key: the row's column to rank by; cases without a value are left out.
        worst: whether the lowest or the highest value is the worst.
        count: how many of the worst, the median and the best.
        width: of the pictures in the panel, px.
        keep: whether every case's pictures are written too, one by one.
    """

    def __init__(
        self,
        table: CaseTable,
        read_image: Callable[[Mapping[str, Any]], Picture],
        draw: Draw,
        output_dir: str | Path,
        key: str = "disc_dice",
        worst: Literal["lowest", "highest"] = "lowest",
        count: int = 3,
        width: int = 512,
        keep: bool = False,
    ) -> None:
        self.table = table
        self.read_image = read_image
        self.draw = draw
        self.output_dir = Path(output_dir)
        self.key = key
        self.worst = worst
        self.count = count
        self.width = width
        self.keep = keep
        self.pictures: list[bytes] = []

    def attach(self, engine: Engine) -> None:
        """Listen to an evaluator."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def start(self) -> None:
        """Forget the pictures of an earlier run."""
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
        """Write the parts of a case, numbered, since an id may be no name of a file."""
        folder = self.output_dir / CASES
        folder.mkdir(parents=True, exist_ok=True)
        for part, picture in self.draw.parts(image, sample).items():
            write_whole(folder / f"{len(self.pictures)}_{part}.jpg", encode_jpeg(picture, picture.shape[1]))

    def write(self) -> None:
        """Write the pictures.

        Raises:
            ValueError: if the table did not listen to the same run.
        """
        if len(self.table.rows) != len(self.pictures):
            raise ValueError(
                f"table: expected {len(self.pictures)} rows, but got {len(self.table.rows)}; attach both to one engine."
            )
        self.output_dir.mkdir(parents=True, exist_ok=True)
        values = np.array([row.get(self.key, np.nan) for row in self.table.rows], dtype=float)
        groups = {name: rows for name, rows in pick(values, self.count, self.worst == "highest").items() if rows}
        if groups:
            save(self._panel(groups, values), self.output_dir / f"cases_{self.key}.jpg")
        if figure := roc_of_scores(self.table.rows):
            save(figure, self.output_dir / "roc.png")

    def _panel(self, groups: Mapping[str, Sequence[int]], values: NDArray[np.float64]) -> Figure:
        """Return a figure of one line of pictures per group."""
        from matplotlib.figure import Figure
        from PIL import Image

        pictures = {
            row: np.asarray(Image.open(BytesIO(self.pictures[row]))) for rows in groups.values() for row in rows
        }
        tallest = max(picture.shape[0] / picture.shape[1] for picture in pictures.values())
        figure = Figure(figsize=(4 * self.count, (4 * tallest + 0.6) * len(groups)), layout="constrained")
        axes = figure.subplots(len(groups), self.count, squeeze=False)
        for line, (name, rows) in zip(axes, groups.items(), strict=True):
            for place in line:
                place.set_axis_off()
            for place, row in zip(line, rows, strict=False):
                place.imshow(pictures[row])
                place.set_title(f"{name}: {self.table.rows[row]['id']}\n{self.key} {values[row]:.3f}", fontsize=10)
        return figure
