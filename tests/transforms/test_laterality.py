"""A mirrored right eye is a left one."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, RandAffined, Resized, Rotate90d

from fundus_mtl.transforms import FlipLateralityd


@pytest.mark.parametrize(
    "geometry, mirrored",
    [
        ([], False),
        ([Flipd("image", spatial_axis=1)], True),
        ([Flipd("image", spatial_axis=0)], True),
        ([Flipd("image", spatial_axis=(0, 1))], False),  # half a turn
        ([Flipd("image", spatial_axis=1), Flipd("image", spatial_axis=1)], False),
        ([Rotate90d("image")], False),
        ([Resized("image", (5, 3)), RandAffined("image", prob=1.0, rotate_range=(3.0, 3.1))], False),
        ([RandAffined("image", prob=1.0, rotate_range=(3.0, 3.1)), Flipd("image", spatial_axis=1)], True),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_sides_follow_the_image(geometry: list, mirrored: bool, lazy: bool) -> None:
    flip = Compose([*geometry, FlipLateralityd()], lazy=lazy)
    swapped = {"R": "L", "L": "R"}
    for side in ("R", "L", "unknown", "", None):
        got = flip({"image": MetaTensor(torch.rand(3, 8, 12)), "laterality": side})
        assert got["laterality"] == (swapped.get(side, side) if mirrored else side)


def test_steps_still_pending_count() -> None:
    item = Flipd("image", spatial_axis=1, lazy=True)({"image": MetaTensor(torch.rand(3, 8, 12)), "laterality": "R"})
    assert item["image"].pending_operations
    assert FlipLateralityd()(item)["laterality"] == "L"


def test_items_without_a_side() -> None:
    item = {"image": MetaTensor(torch.rand(3, 8, 12))}
    assert set(FlipLateralityd(allow_missing_keys=True)(item)) == {"image"}
    with pytest.raises(KeyError):
        FlipLateralityd()(item)
    with pytest.raises(TypeError, match="expected an image with an affine"):
        FlipLateralityd()({"image": torch.rand(3, 8, 12), "laterality": "R"})
