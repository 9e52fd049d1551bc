"""A smaller field of view: where the box lies, what is black, and where points are afterwards."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Randomizable

from fundus_mtl.transforms import PointHeatmapd, RandFieldOfViewd

KEYS = ["image", "disc"]


def item(disc: tuple[int, int] | None = (60, 90), height: int = 120, width: int = 200) -> dict[str, object]:
    """Every pixel of the image names its own row and column, plus one; a disc with a radius of 10 px."""
    rows, columns = np.mgrid[:height, :width]
    image = MetaTensor(torch.from_numpy(np.stack([rows + 1, columns + 1]).astype(np.float32)))
    inside = np.zeros((height, width)) if disc is None else np.hypot(rows - disc[0], columns - disc[1]) <= 10
    mask = MetaTensor(torch.from_numpy(inside[None].astype(np.float32)))
    return {"id": "g0001", "image": image, "disc": mask, "fovea": torch.tensor([120.0, 60.0], dtype=torch.float64)}


def cut(sample: dict[str, object], **options: object) -> dict[str, torch.Tensor]:
    given = {"width": (0.5, 0.5), "aspect": (0.8, 0.8), "circle": (2.0, 2.0), "shift": 0.0, "prob": 1.0} | options
    return RandFieldOfViewd(KEYS, point_keys=["fovea"], **given)(sample)


def test_a_box_by_hand() -> None:
    """Half of the shorter side is 60 px, 0.8 of that 48; around (60, 90) they begin at row 36 or 37, column 60 or 61."""
    got = cut(item())
    assert tuple(got["image"].shape) == (2, 48, 60)
    row, column = (int(part) for part in got["image"].affine[:2, -1])
    assert (row, column) in [(36, 60), (36, 61), (37, 60), (37, 61)]
    assert got["image"][:, 0, 0].tolist() == [row + 1, column + 1]
    assert float(got["disc"].sum()) == float(item()["disc"].sum())


@pytest.mark.parametrize("disc", [(0, 0), (119, 199), (0, 199), None])
def test_the_box_stays_inside(disc: tuple[int, int] | None) -> None:
    got = cut(item(disc), shift=0.5)
    assert tuple(got["image"].shape) == (2, 48, 60)
    assert float(got["image"].min()) >= 1  # nothing is padded


def test_the_circle_blackens_corners_only() -> None:
    got = cut(item(), aspect=(1.0, 1.0), circle=(1.0, 1.0))["image"]
    rows, columns = np.mgrid[:60, :60]
    inside = np.hypot(rows - 29.5, columns - 29.5) <= 30
    assert bool((got[:, ~inside] == 0).all())
    assert bool((got[:, inside] >= 1).all())
    assert bool((cut(item(), aspect=(1.0, 1.0), circle=(1.42, 1.42))["image"] >= 1).all())


def test_points_keep_their_place_or_are_missing() -> None:
    near, far = item(), item() | {"fovea": torch.tensor([170.0, 60.0], dtype=torch.float64)}
    heatmap = PointHeatmapd("fovea", sigma=0.05)
    got = heatmap(cut(near, width=(0.9, 0.9)))
    assert bool(got["fovea_present"])
    row, column = divmod(int(got["fovea"].argmax()), got["fovea"].shape[-1])
    assert got["image"][:, row, column].tolist() == [61, 121]
    assert not bool(heatmap(cut(far))["fovea_present"])
    corner = item() | {"fovea": torch.tensor([117.0, 81.0], dtype=torch.float64)}
    assert not bool(cut(corner)["fovea"].isnan().any())
    assert bool(cut(corner, circle=(1.0, 1.0))["fovea"].isnan().all())  # in the box, but outside of the circle
    assert bool(cut(item() | {"fovea": torch.full((2,), math.nan)})["fovea"].isnan().all())


def test_by_the_seed_and_not_cached() -> None:
    assert issubclass(RandFieldOfViewd, Randomizable)
    draws = [RandFieldOfViewd(KEYS, prob=0.5).set_random_state(seed=3) for _ in range(2)]
    shapes = [[tuple(each(item())["image"].shape) for _ in range(40)] for each in draws]
    assert shapes[0] == shapes[1]
    assert 10 < shapes[0].count((2, 120, 200)) < 30
    assert min(shape[2] for shape in shapes[0]) < 0.65 * 120
    assert max(shape[2] for shape in shapes[0] if shape[2] < 200) > 0.9 * 120


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"expected two ascending shares above 0 and up to 1, but got \[0.5, 1.2\]"):
        RandFieldOfViewd(KEYS, width=(0.5, 1.2))
    with pytest.raises(ValueError, match="correct circle"):
        RandFieldOfViewd(KEYS, circle=(0.0, 1.2))
    sample = item()
    with pytest.raises(
        ValueError, match=r"expected image of \(120, 200\) rows and columns like disc, but got \(120, 50\)"
    ):
        cut(sample | {"image": sample["image"][:, :, :50]})
