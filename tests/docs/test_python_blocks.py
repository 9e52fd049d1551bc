"""Python in the documentation compiles; what needs no data runs. The tutorial's notebook runs from first to last cell."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.docs.pages import PAGES, ROOT, blocks, name

BLOCKS = [
    pytest.param("\n".join(lines), id=f"{name(page)}:{number}")
    for page in PAGES
    for number, lines in blocks(page, "python")
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder with the sample photograph, as the current one."""
    shutil.copy(ROOT / "data_prep/samples/retina.jpg", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("source", BLOCKS)
def test_a_block_runs(source, folder):
    """Blocks use ``photograph``, an array, where the text says so."""
    photograph = np.asarray(Image.open("retina.jpg").convert("RGB").resize((300, 300)))
    exec(compile(source, "<documentation>", "exec"), {"photograph": photograph})  # noqa: S102 - the documentation's own code


def test_the_tutorial_runs(folder, capsys):
    """Cells are executed one after the other with ``exec``: they use nothing of Jupyter, so no kernel is needed."""
    notebook = json.loads((ROOT / "docs/tutorial.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any("%" in cell.split("#")[0][:1] or "!" in cell[:1] for cell in cells)
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "<tutorial>", "exec"), names)  # noqa: S102 - the documentation's own code
    assert (folder / "run/evaluation/summary.csv").is_file()
    assert (folder / "results/report.html").is_file()
    assert names["status"] in (0, 4)  # a network of two epochs may find nothing
    assert names["answer"].status in ("ok", "ungradable")
    out = capsys.readouterr().out
    assert "no fault was found" in out
    assert "disc_dice" in out


def test_the_notebook_has_no_outputs():
    notebook = json.loads((ROOT / "docs/tutorial.ipynb").read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
