"""Write the label map of every photograph as a PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from fundus_mtl.files import whole_file


class LabelMapFiles:
    """Write ``<id>.png`` for every photograph of an evaluator, grey, with the numbers of the labels.

    The id of a photograph is its path in the folder, so the folders are those of the photographs.

    Args:
        output_dir: Folder of the files.
        key: Key of the label map ``(1, H, W)`` in a sample of the engine's output.
    """

    def __init__(self, output_dir: str | Path, key: str = "pred") -> None:
        self.output_dir, self.key = Path(output_dir), key

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator that decollates its output."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the files of one batch."""
        for sample, answer in zip(engine.state.batch, engine.state.output, strict=True):
            self._write(str(sample["id"]), answer)

    def _write(self, name: str, answer: Mapping[str, Any]) -> None:
        from PIL import Image

        with whole_file(self.output_dir / f"{name}.png") as part:
            Image.fromarray(np.asarray(answer[self.key], dtype=np.uint8)[0]).save(part)
