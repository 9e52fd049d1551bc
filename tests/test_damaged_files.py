"""Damaged files of every other kind that is read: the value of the whole file or another one, or one sentence; bounded.

Photographs are in tests/photographs/test_fuzz.py.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
from PIL import Image

from data_prep._columns import read_columns
from data_prep._grid import read_grids
from data_prep._idx import parse_idx
from fundus_mtl.data import ArraySet, read_datalist
from fundus_mtl.files import TorchFileError, file_sha256, read_torch_file
from fundus_mtl.labels import structure
from fundus_mtl.metrics import Temperature, VCDRRegression
from fundus_mtl.photographs import FundusReader, UnreadableImageError, scan_list
from fundus_mtl.workflow import RefusedError, read_recipe
from tests.photographs.corpus import mutations

COPIES = 60  # of each file
SECONDS = 2.0  # of processor time, for one file of a few kB
MEGABYTES = 400  # more than at the start, for each kind
HEIGHT, WIDTH = 24, 37


def table_csv(folder: Path) -> Path:
    rows = [
        "Image No,Retinopathy grade,Fovea X,Fovea Y",
        *(f"IDRiD_{row:03},{row % 5},{row}.5,{row}" for row in range(9)),
    ]
    (folder / "t.csv").write_text("\n".join(rows))
    return folder / "t.csv"


def table_xlsx(folder: Path) -> Path:
    book = openpyxl.Workbook()
    for row in (["ImgName", "Label"], ["a", 1], ["b", 0]):
        book.active.append(row)
    book.save(folder / "t.xlsx")
    return folder / "t.xlsx"


def grids(path: Path) -> None:
    for grid in read_grids(path, path.name).values():
        assert len({len(row) for row in grid}) <= 1
        assert all(isinstance(cell, str) for row in grid for cell in row)


def photograph_list(folder: Path) -> Path:
    for name in "ab":
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / f"{name}.png")
    (folder / "l.csv").write_text("id,path,laterality,mm_per_px\none,a.png,R,0.006\ntwo,b.png,OS,0.006 0.007\n")
    return folder / "l.csv"


def rows_of_list(path: Path) -> None:
    items = scan_list(path)
    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        assert "error" in item or Path(item["image"]).is_file()
        assert item.get("laterality", "R") in ("R", "L")
        assert all(0 < step < float("inf") for step in item.get("mm_per_px", ()))


def mask(folder: Path) -> Path:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    drawn[5:12, 8:20] = 255
    Image.fromarray(drawn).save(folder / "m.png")
    return folder / "m.png"


def structure_of(path: Path) -> None:
    found = structure(FundusReader(mode="mask")(path)[0], path.name, "disc")
    assert found.dtype == bool
    assert found.mean() <= 0.5


def datalist(folder: Path) -> Path:
    photograph_list(folder)
    mask(folder)
    item = {"id": "a", "image": "a.png", "disc": "m.png", "fovea": [20, 12.5], "glaucoma": 1, "laterality": "R"}
    other = {"id": "b", "image": "l.csv", "glaucoma": 0, "patient": 7}
    document = {"name": "n", "licence": "l", "source": "s", "tasks": ["disc", "fovea", "glaucoma"]}
    document |= {"training": [item, other], "validation": [], "testing": []}
    (folder / "datalist.json").write_text(json.dumps(document, indent=1))
    return folder / "datalist.json"


def labels_of_datalist(path: Path) -> None:
    for item in read_datalist(path, "training"):
        x, y = item.get("fovea", (1, 1))
        assert -0.5 <= x <= WIDTH - 0.5
        assert -0.5 <= y <= HEIGHT - 0.5
        assert item.get("laterality", "R") in ("R", "L")


def weights(folder: Path) -> Path:
    torch.save({"layer.weight": torch.arange(12.0).reshape(3, 4), "layer.bias": torch.zeros(3)}, folder / "model.pt")
    return folder / "model.pt"


def recipe(folder: Path) -> Path:
    known = {"bundle": "refuge_mtl", "overlays": {"a.yaml": "0"}, "options": {"size": 64}, "expressions": []}
    record = {"recipe": known, "weights": {"model.pt": file_sha256(weights(folder))}}
    (folder / "recipe.json").write_text(json.dumps(record, indent=2))
    return folder / "recipe.json"


def numbers(folder: Path) -> Path:
    (folder / "n.json").write_text(json.dumps({"temperature": 1.5, "cases": 40, "coefficient": 9.5, "intercept": -5.0}))
    return folder / "n.json"


def both_numbers(path: Path) -> None:
    assert 0.05 <= Temperature.load(path).value <= 20
    VCDRRegression.load(path)


def array_set(folder: Path) -> Path:
    section = {"id": np.array(["a", "b"]), "image": np.zeros((2, 5, 5), np.uint8), "even": np.array([0, 1])}
    sections = {"training": section | {"even_present": np.array([True, True])}}
    ArraySet({"name": "n"}, {"even": 5}, sections).save(folder / "s.npz")
    return folder / "s.npz"


def idx(folder: Path) -> Path:
    (folder / "i.idx").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4]) + bytes(range(40)))
    return folder / "i.idx"


KINDS = {
    "csv": (table_csv, grids),
    "xlsx": (table_xlsx, grids),
    "columns": (table_csv, lambda path: read_columns(path, ["image no", "fovea x"])),
    "list": (photograph_list, rows_of_list),
    "mask": (mask, structure_of),
    "datalist": (datalist, labels_of_datalist),
    "recipe": (recipe, lambda path: read_recipe(path.with_name("model.pt"))),
    "weights": (weights, read_torch_file),
    "numbers": (numbers, both_numbers),
    "arrays": (array_set, ArraySet.load),
    "idx": (idx, lambda path: parse_idx(path.read_bytes(), 3, path.name)),
}
REFUSALS = (ValueError, FileNotFoundError, UnreadableImageError, TorchFileError, RefusedError)


def refusal(read: Callable[[Path], object], path: Path) -> str:
    """Return the sentence that refuses a file; empty where it is read."""
    try:
        read(path)
    except REFUSALS as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_a_value_or_a_sentence(tmp_path: Path, kind: str) -> None:
    make, read = KINDS[kind]
    path = make(tmp_path)
    read(path)  # the whole file
    data, refused = path.read_bytes(), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, harmed in enumerate(mutations(data, COPIES, seed=len(data))):
        path.write_bytes(harmed)
        start = time.process_time()
        reason = refusal(read, path)
        refused += bool(reason)
        assert not reason or ("expected" in reason and "but" in reason), (number, reason)
        assert time.process_time() - start < SECONDS, number
    assert refused, "nothing of what was damaged was noticed"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
