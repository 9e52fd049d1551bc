"""A clinic's folder, a model with weights drawn at random, and the command that brings them together."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fundus_mtl.handlers import BestModelSaver
from fundus_mtl.workflow import StrictWorkflow
from fundus_mtl.workflow._recipe import Recipe

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
TINY = {"size": 32, "network_def::width": 2}
ANYWAY = ("--device", "cpu", "--set", "rules::withhold_ungradable=false")  # drawings are not gradable


def fundus(height=60, width=90, seed=0):
    """Draw a field of view with a disc and a cup, and some noise: levels (H, W, 3)."""
    rows, columns = np.mgrid[:height, :width]
    radius = np.hypot(rows - height / 2, columns - width / 2)
    disc = np.hypot(rows - height / 2, columns - width / 3)
    levels = np.where(radius[..., None] < 0.47 * height, (150, 70, 25), (0, 0, 0))
    levels = np.where(disc[..., None] < 9, (230, 190, 110), levels)
    levels = np.where(disc[..., None] < 4, (250, 235, 200), levels)
    noise = np.random.default_rng(seed).integers(0, 5, levels.shape)
    return np.clip(levels + noise, 0, 255).astype(np.uint8)


def save_fundus(path, **drawn):
    """Write such a drawing as the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(fundus(**drawn)).save(path)
    return path


def save_model(folder, bundle="refuge_mtl", **options):
    """Leave weights and recipe in a folder, as a training does."""
    configs = BUNDLES / bundle / "configs"
    config = StrictWorkflow(config_file=[str(configs / "common.yaml")], workflow_type=None, **options)
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    network = config.parser.get_parsed_content("network")
    BestModelSaver(network, folder / "model.pt", Recipe(bundle, {}, options).as_text()).save()
    return folder / "model.pt"


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """The file of a refuge_mtl network of next to nothing."""
    return save_model(tmp_path_factory.mktemp("model"), **TINY)


def rows(path):
    """Read a table."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
