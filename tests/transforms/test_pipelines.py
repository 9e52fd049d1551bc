"""The transforms of the bundles, run from YAML on tiny files: training, evaluation, and back to native px."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, decollate_batch
from PIL import Image

SIZE = 160

COMMON = """
size: 160
image_reader: {_target_: fundus_mtl.photographs.FundusReader}
mask_reader: {_target_: fundus_mtl.photographs.FundusReader, mode: mask}
load:
- {_target_: fundus_mtl.transforms.LoadFundusd, keys: [image], reader: '@image_reader'}
- {_target_: fundus_mtl.transforms.LoadFundusd, keys: [disc, cup], reader: '@mask_reader', allow_missing_keys: true}
- {_target_: fundus_mtl.transforms.MissingLabelsd, masks: [disc, cup], points: [fovea], numbers: [glaucoma]}
"""

TRAINING = """
keys: [image, disc, cup]
geometry:
- _target_: CropForegroundd
  keys: '@keys'
  source_key: image
  select_fn: {_target_: fundus_mtl.transforms.field_of_view, _mode_: callable}
  allow_smaller: true
  start_coord_key: null
  end_coord_key: null
- {_target_: Resized, keys: '@keys', spatial_size: '@size', size_mode: longest, mode: area}
- {_target_: SpatialPadd, keys: '@keys', spatial_size: ['@size', '@size']}
random:
- {_target_: RandFlipd, keys: '@keys', prob: 0.5, spatial_axis: 1}
- _target_: RandAffined
  keys: '@keys'
  prob: 0.8
  rotate_range: 0.26
  scale_range: 0.1
  translate_range: 8
  mode: bilinear
  padding_mode: zeros
- {_target_: RandAdjustContrastd, keys: image, prob: 0.3, gamma: [0.8, 1.25]}
finish:
- {_target_: ScaleIntensityRanged, keys: image, a_min: 0.0, a_max: 255.0, b_min: 0.0, b_max: 1.0, clip: true}
- {_target_: AsDiscreted, keys: [disc, cup], threshold: 0.5}
- {_target_: fundus_mtl.transforms.PointHeatmapd, keys: fovea}
- {_target_: fundus_mtl.transforms.FlipLateralityd, allow_missing_keys: true}
preprocessing: {_target_: Compose, transforms: $@load + @geometry + @random + @finish}
"""

EVALUATION = """
keys: [image]
geometry:
- _target_: CropForegroundd
  keys: '@keys'
  source_key: image
  select_fn: {_target_: fundus_mtl.transforms.field_of_view, _mode_: callable}
  allow_smaller: true
  start_coord_key: null
  end_coord_key: null
- {_target_: Resized, keys: '@keys', spatial_size: '@size', size_mode: longest, mode: area}
- {_target_: SpatialPadd, keys: '@keys', spatial_size: ['@size', '@size']}
finish:
- {_target_: ScaleIntensityRanged, keys: image, a_min: 0.0, a_max: 255.0, b_min: 0.0, b_max: 1.0, clip: true}
preprocessing: {_target_: Compose, transforms: $@load + @geometry + @finish}
"""

POSTPROCESSING = """
postprocessing:
  _target_: Compose
  transforms:
  - {_target_: fundus_mtl.transforms.HeatmapPointd, keys: pred_fovea}
  - {_target_: fundus_mtl.transforms.InvertBilineard, keys: [pred_disc, pred_cup], transform: '@preprocessing'}
  - {_target_: AsDiscreted, keys: [pred_disc, pred_cup], threshold: 0.5, dtype: $torch.uint8}
"""

MTL_IO_GEOMETRY = """
geometry:
- {_target_: Resized, keys: '@keys', spatial_size: ['@size', '@size'], mode: area}
"""


SOFT = """
random: []
finish: [{_target_: fundus_mtl.transforms.PointHeatmapd, keys: fovea}]
"""


def parse(*texts: str) -> ConfigParser:
    config: dict[str, Any] = {}
    for text in texts:
        config.update(yaml.safe_load(text) or {})
    return ConfigParser(config)


def draw(folder: Path, name: str, height: int, width: int, fovea: tuple[float, float], exif: int = 1) -> dict[str, Any]:
    """An eye in red, its fovea as a blue spot at (x, y), its disc as a green ellipse; masks beside it."""
    rows, columns = np.mgrid[:height, :width]
    short = min(height, width)
    seen = np.hypot(rows - height / 2, columns - width / 2) < 0.48 * short
    centre = (0.48 * height, width / 2 + 0.25 * short)
    disc = np.hypot((rows - centre[0]) / 1.2, columns - centre[1]) < 0.09 * short
    cup = np.hypot((rows - centre[0]) / 1.2, columns - centre[1]) < 0.05 * short
    spot = 250 * np.exp(-((columns - fovea[0]) ** 2 + (rows - fovea[1]) ** 2) / (2 * 4.0**2))
    image = np.stack([180 * seen, 200 * disc, spot], axis=-1).round().astype(np.uint8)
    Image.fromarray(image).save(folder / f"{name}.png")
    Image.fromarray(disc).save(folder / f"{name}_disc.png")
    Image.fromarray(cup).save(folder / f"{name}_cup.png")
    paths = {"image": f"{name}.png", "disc": f"{name}_disc.png", "cup": f"{name}_cup.png"}
    item = {key: str(folder / path) for key, path in paths.items()}
    return {"id": name, **item, "fovea": list(fovea), "glaucoma": 1, "laterality": "R"}


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, Any]]:
    return [
        draw(tmp_path, "landscape", 210, 300, (105.3, 112.8)),
        draw(tmp_path, "portrait", 290, 220, (70.6, 150.1)),
        draw(tmp_path, "square", 256, 256, (80.0, 140.5)),
    ]


def centre_of_mass(level: torch.Tensor) -> np.ndarray:
    weights = level.as_tensor().double().numpy() if hasattr(level, "as_tensor") else level.double().numpy()
    rows, columns = np.mgrid[: weights.shape[0], : weights.shape[1]]
    return np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()


def overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a > 0, b > 0
    return float((a & b).sum() / (a | b).sum())


def test_training(items: list[dict[str, Any]]) -> None:
    """Labels stay on their structures through all random transforms; checked on the image, not the affine."""
    parser = parse(COMMON, TRAINING)
    preprocessing = parser.get_parsed_content("preprocessing").set_random_state(1)
    point = parse("find: {_target_: fundus_mtl.transforms.HeatmapPointd, keys: fovea}").get_parsed_content("find")
    sides = set()
    for _ in range(4):
        for item in items:
            got = preprocessing(item)
            assert tuple(got["image"].shape) == (3, SIZE, SIZE)
            assert got["image"].dtype == torch.float32
            assert 0.6 < got["image"].max() <= 1.0
            assert got["image"].min() >= 0
            for key, channel in (("disc", 1),):
                assert got[key].dtype == torch.float32
                assert set(got[key].unique().tolist()) == {0.0, 1.0}
                assert overlap(got[key][0], (got["image"][channel] > 0.39).float()) > 0.93
            assert bool((got["cup"] <= got["disc"]).all())
            assert (got["fovea"].dtype, tuple(got["fovea"].shape)) == (torch.float32, (1, SIZE, SIZE))
            spot = got["image"][2].clone()
            spot[spot < 0.02] = 0
            assert np.abs(centre_of_mass(spot) - centre_of_mass(got["fovea"][0])).max() < 0.3
            right = centre_of_mass(got["disc"][0])[0] > centre_of_mass(got["fovea"][0])[0]
            assert got["laterality"] == ("R" if right else "L")
            sides.add(got["laterality"])
            assert np.hypot(*(point(got)["fovea"].numpy() - item["fovea"])) <= 0.1
            assert got["glaucoma"].tolist() == [1.0]
            assert all(got[f"{key}_present"] for key in ("disc", "cup", "fovea", "glaucoma"))
    assert sides == {"R", "L"}


def test_training_batch_with_missing_labels(items: list[dict[str, Any]]) -> None:
    preprocessing = parse(COMMON, TRAINING).get_parsed_content("preprocessing")
    bare = {key: items[1][key] for key in ("id", "image", "laterality")}
    batch = next(iter(DataLoader(Dataset([items[0], bare, items[2]], preprocessing), batch_size=3)))
    assert tuple(batch["image"].shape) == (3, 3, SIZE, SIZE)
    for key in ("disc", "cup", "fovea"):
        assert tuple(batch[key].shape) == (3, 1, SIZE, SIZE)
        assert batch[f"{key}_present"].tolist() == [True, False, True]
        assert batch[key][1].sum() == 0
    assert batch["glaucoma"].tolist() == [[1.0], [0.0], [1.0]]
    assert batch["fovea_xy"].shape == (3, 2)


@pytest.mark.parametrize("geometry", ["", MTL_IO_GEOMETRY], ids=["fov", "mtl_io"])
@pytest.mark.parametrize("plain", [False, True], ids=["metatensor", "tensor"])
def test_evaluation_and_postprocessing(items: list[dict[str, Any]], geometry: str, plain: bool) -> None:
    """A perfect network on the small grid, brought back: masks agree, the fovea is within a pixel of the photograph."""
    parser = parse(COMMON, EVALUATION, geometry, POSTPROCESSING)
    preprocessing = parser.get_parsed_content("preprocessing")
    postprocessing = parser.get_parsed_content("postprocessing")
    perfect = parse(COMMON, TRAINING, geometry, SOFT).get_parsed_content("preprocessing")
    for batch, item in zip(DataLoader(Dataset(items, preprocessing), batch_size=1), items, strict=True):
        height, width = np.array(Image.open(item["disc"])).shape
        assert tuple(batch["image"].shape) == (1, 3, SIZE, SIZE)
        assert (batch["disc"].dtype, tuple(batch["disc"].shape)) == (torch.uint8, (1, 1, height, width))
        assert batch["fovea"].tolist() == [item["fovea"]]
        truth = perfect(item)
        for key in ("disc", "cup", "fovea"):
            batch[f"pred_{key}"] = (
                truth[key].as_tensor()[None] if hasattr(truth[key], "as_tensor") else truth[key][None]
            )
            if not plain:
                batch[f"pred_{key}"] = batch["image"][:, :1] * 0 + batch[f"pred_{key}"]
        (sample,) = decollate_batch(batch)
        got = postprocessing(sample)
        for key in ("disc", "cup"):
            assert got[f"pred_{key}"].dtype == torch.uint8
            assert tuple(got[f"pred_{key}"].shape) == (1, height, width)
            assert set(got[f"pred_{key}"].unique().tolist()) == {0, 1}
            assert overlap(got[f"pred_{key}"], got[key]) >= (0.98 if key == "disc" else 0.97)
        assert (got["pred_fovea"].dtype, tuple(got["pred_fovea"].shape)) == (torch.float64, (2,))
        assert np.hypot(*(got["pred_fovea"].numpy() - item["fovea"])) <= 1.0
        assert 0.98 < got["pred_fovea_peak"] <= 1.0


def test_mtl_io_training(items: list[dict[str, Any]]) -> None:
    """The whole photograph squeezed to a square: heatmaps stay round on the grid, points stay right."""
    got = parse(COMMON, TRAINING, MTL_IO_GEOMETRY, "random: []").get_parsed_content("preprocessing")(items[0])
    assert tuple(got["image"].shape) == (3, SIZE, SIZE)
    x, y = items[0]["fovea"]
    expected = ((x + 0.5) * SIZE / 300 - 0.5, (y + 0.5) * SIZE / 210 - 0.5)
    np.testing.assert_allclose(centre_of_mass(got["fovea"][0]), expected, atol=0.01)
    row, column = round(expected[1]), round(expected[0])
    sigma = 7.07 / 256 * SIZE
    for shift in ((0, 5), (5, 0)):
        distance = math.hypot(row + shift[0] - expected[1], column + shift[1] - expected[0])
        value = got["fovea"][0, row + shift[0], column + shift[1]].item()
        assert value == pytest.approx(math.exp(-(distance**2) / (2 * sigma**2)), rel=1e-4)


def test_photograph_and_mask_with_exif(tmp_path: Path) -> None:
    """A photograph stored on its side (orientation 6) with masks that are not: sizes agree only if EXIF is applied."""
    item = draw(tmp_path, "eye", 210, 300, (105.3, 112.8))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(item["image"]).transpose(Image.Transpose.ROTATE_90).save(item["image"], exif=exif)
    got = parse(COMMON, TRAINING, "random: []").get_parsed_content("preprocessing")(item)
    spot = got["image"][2].clone()
    spot[spot < 0.02] = 0
    assert np.abs(centre_of_mass(spot) - centre_of_mass(got["fovea"][0])).max() < 0.2
    assert overlap(got["disc"][0], (got["image"][1] > 0.39).float()) > 0.95
