"""A folder of photographs, answers drawn by hand, and an engine that only hands them on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from PIL import Image
from torch.utils.data import DataLoader

from fundus_mtl.data import FolderSamples
from fundus_mtl.photographs import FundusReader
from fundus_mtl.results import (
    Cup,
    Disc,
    FolderResults,
    Fovea,
    Glaucoma,
    KnownFacts,
    Layout,
    Measure,
    Provenance,
    Rules,
    RunOptions,
)

Sample = dict[str, Any]


def read_native(path: str) -> np.ndarray:
    reader = FundusReader()
    return reader.get_data(reader.read(path))[0]


def answer(item: dict[str, str]) -> Sample:
    """Disc 20 px wide and 24 high, cup 10 by 12, fovea 60 px to the right of the disc; nothing in what is too small."""
    height, width = read_native(item["image"]).shape[1:]
    disc, cup = (torch.zeros(1, height, width, dtype=torch.uint8) for _ in range(2))
    disc[:, 10:34, 8:28] = 1
    cup[:, 16:28, 13:23] = 1
    fovea = torch.tensor([77.5, 21.5] if width > 77 else [np.nan, np.nan], dtype=torch.float64)
    return {
        "id": item["id"],
        "pred_disc": disc,
        "pred_cup": cup,
        "pred_fovea": fovea,
        "pred_glaucoma": torch.tensor([0.25]),
    }


ROLES = (Disc("disc"), Cup("cup"), Fovea("fovea"), Glaucoma("glaucoma"))
LAYOUT = Layout.of(Measure(ROLES))
COLUMNS = LAYOUT.columns


@pytest.fixture
def make() -> Callable[..., FolderResults]:
    """Make results with a toy's provenance; options of all records are given by their names."""

    def build(items: Sequence[dict[str, str]], output: Path, **options: Any) -> FolderResults:
        toy = {"reader": read_native, "model": {"id": "toy", "sha256": "ab" * 32}, "roles": ROLES}
        toy |= {"rules": Rules(withhold_ungradable=False)}  # pictures of one colour are not gradable
        for name, record in (("facts", KnownFacts), ("provenance", Provenance), ("options", RunOptions)):
            names = [field.name for field in fields(record) if field.name in options]
            toy[name] = record(**{key: options.pop(key) for key in names})
        return FolderResults(output, items, **(toy | options))

    return build


@pytest.fixture
def infer(make: Callable[..., FolderResults]) -> Callable[..., FolderResults]:
    """Run a folder through an engine whose output is a list of postprocessed samples."""

    def run(
        items: Sequence[dict[str, str]],
        output: Path,
        transform: Callable[[dict[str, str]], Sample] = answer,
        batch_size: int = 1,
        **options: Any,
    ) -> FolderResults:
        results = make(items, output, **options)
        engine = Engine(lambda _, batch: batch)
        results.attach(engine)
        samples = FolderSamples(results.pending, transform, results.fail)
        engine.run(DataLoader(samples, batch_size=batch_size, collate_fn=list))
        return results

    return run


@pytest.fixture
def photograph() -> Callable[..., Path]:
    """Write a photograph of one colour, wider than high."""

    def write(path: Path, width: int = 120, height: int = 60, mode: str = "RGB") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), (150, 60, 20)).convert(mode).save(path)
        return path

    return write


@pytest.fixture
def rows() -> Callable[[Path], list[dict[str, str]]]:
    """Read a table."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return read
