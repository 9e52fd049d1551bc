"""Label maps as files, under the names of the photographs."""

from __future__ import annotations

import numpy as np
import torch
from ignite.engine import Engine
from PIL import Image

from fundus_mtl.handlers import LabelMapFiles


def test_a_file_per_photograph_upright(tmp_path):
    label_map = torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3)
    engine = Engine(lambda engine, batch: [{"pred": label_map + number} for number in range(2)])
    LabelMapFiles(tmp_path / "out").attach(engine)
    engine.run([[{"id": "a/eye.jpg"}, {"id": "eye.jpg"}]])
    for number, name in enumerate(("a/eye.jpg.png", "eye.jpg.png")):
        found = np.asarray(Image.open(tmp_path / "out" / name))
        assert found.tolist() == [[number, number + 1, number + 2], [number + 3, number + 4, number + 5]]
    assert len(list((tmp_path / "out").rglob("*.*"))) == 2
