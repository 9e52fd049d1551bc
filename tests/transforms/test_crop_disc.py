"""The window around the disc: where it lies, what is outside, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Randomizable

from fundus_mtl.transforms import CropDiscd

KEYS = ["image", "disc"]


def item(centre: tuple[int, int], height: int = 60, width: int = 100) -> dict[str, object]:
    """A disc of 9x5 px around (row, col); every pixel of the image names its own position."""
    rows, columns = np.mgrid[:height, :width]
    image = MetaTensor(torch.from_numpy(np.stack([rows, columns, rows * 0 + 7]).astype(np.uint8)))
    disc = torch.zeros(1, height, width, dtype=torch.uint8)
    disc[0, centre[0] - 4 : centre[0] + 5, centre[1] - 2 : centre[1] + 3] = 1
    return {"id": "g0001", "image": image, "disc": MetaTensor(disc)}


@pytest.mark.parametrize("size, start", [(21, (20, 40)), (20, (21, 41)), (19, (21, 41)), (1, (30, 50))])
def test_window_by_hand(size: int, start: tuple[int, int]) -> None:
    """The disc's centre (30, 50) is the middle pixel of odd sizes, and the first of the two middle ones of even sizes."""
    got = CropDiscd(KEYS, size=size)(item((30, 50)))
    assert tuple(got["image"].shape) == (3, size, size)
    assert (got["image"].dtype, got["disc"].dtype) == (torch.uint8, torch.uint8)
    assert got["image"][:2, 0, 0].tolist() == list(start)
    assert got["image"][:2, (size - 1) // 2, (size - 1) // 2].tolist() == [30, 50]
    assert int(got["disc"].sum()) == (45 if size > 1 else 1)
    assert got["image"].affine[:2, -1].tolist() == list(start)


@pytest.mark.parametrize("centre", [(4, 2), (55, 97), (4, 97), (55, 2), (30, 50)])
@pytest.mark.parametrize("size", [33, 128])
def test_zero_outside_the_photograph_and_back_again(centre: tuple[int, int], size: int) -> None:
    sample = item(centre)
    crop = Compose([CropDiscd(KEYS, size=size)])
    got = crop(sample)
    assert tuple(got["image"].shape) == (3, size, size)
    inside = got["image"][2] == 7
    assert int((got["image"][:, ~inside] != 0).sum()) == 0
    rows, columns = (int(part) for part in got["image"].affine[:2, -1])
    window = np.argwhere(inside.numpy())
    np.testing.assert_array_equal(
        got["image"][:2, inside].numpy().T, window + np.array([rows, columns])
    )  # the affine is right
    got["pred_disc"] = MetaTensor(got["disc"].clone().float())
    back = Invertd("pred_disc", crop, "image", nearest_interp=False)(got)["pred_disc"]
    assert torch.equal(back, sample["disc"].float())


def test_stray_pixels_hardly_move_it() -> None:
    sample = item((30, 50))
    sample["disc"][0, 0, 0] = 1
    got = CropDiscd(KEYS, size=21)(sample)
    assert got["image"][:2, 10, 10].tolist() == [29, 49]  # the bounding box's centre would be (17, 26)


def test_a_cache_may_keep_the_window() -> None:
    """``CacheDataset`` stops keeping at the first random transform."""
    assert not isinstance(CropDiscd(KEYS), Randomizable)


def test_lazy_gives_the_same() -> None:
    expected = CropDiscd(KEYS, size=40)(item((8, 50)))
    got = Compose([CropDiscd(KEYS, size=40)], lazy=True)(item((8, 50)))
    assert torch.equal(got["image"], expected["image"].float())
    assert torch.equal(got["image"].affine[:2, -1], expected["image"].affine[:2, -1])


def test_a_predicted_mask_that_is_no_metatensor() -> None:
    sample = item((30, 50))
    sample["pred_disc"] = sample["disc"].as_tensor().bool()
    got = CropDiscd("image", source_key="pred_disc", size=21)(sample)
    assert got["image"][:2, 10, 10].tolist() == [30, 50]


def test_refusals() -> None:
    sample = item((30, 50))
    with pytest.raises(ValueError, match=r"^g0001: disc: expected a mask of the disc, but got an empty mask"):
        CropDiscd(KEYS)({**sample, "disc": sample["disc"] * 0})
    with pytest.raises(
        ValueError, match=r"expected image of \(50, 100\) rows and columns like disc, but got \(60, 100\)"
    ):
        CropDiscd(KEYS)({**sample, "disc": sample["disc"][:, :50]})
    with pytest.raises(ValueError, match="a size of at least 1 px, but got 0"):
        CropDiscd(KEYS, size=0)
    with pytest.raises(KeyError):
        CropDiscd(["image", "cup"])(sample)


def test_a_false_disc_makes_no_huge_window() -> None:
    """A window of diameters of a disc that covers a long strip has at most four times the strip's area."""
    disc = torch.ones(1, 4, 900)  # a circle of its area is 67.7 px wide
    cropped = CropDiscd(["disc"], "disc", diameters=2.5)({"disc": MetaTensor(disc)})["disc"]
    assert cropped.shape == (1, 120, 120)  # 2 * sqrt(3600), not 169
    small = torch.zeros(1, 40, 90)
    small[:, 10:20, 30:40] = 1  # 11.3 px wide
    assert CropDiscd(["disc"], "disc", diameters=2.5)({"disc": MetaTensor(small)})["disc"].shape == (1, 28, 28)
