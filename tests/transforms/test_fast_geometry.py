"""The geometry for inference gives the same picture, and the same record for the way back, as MONAI's own transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, CropForegroundd, Flipd, Resize, Resized, SpatialPadd
from torch.nn.functional import interpolate

from fundus_mtl.data import SEEN
from fundus_mtl.transforms import FastResize, fast_geometry, field_of_view, lit_part
from fundus_mtl.transforms._fast_resize import area_means


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("old", [(37, 61), (61, 37), (300, 401), (64, 64)])
@pytest.mark.parametrize("new", [(9, 20), (30, 7), (2, 3), (64, 64), (80, 90), (37, 61)])
@pytest.mark.parametrize("channels", [1, 3])
def test_area_means_are_torch_s_own_bit_for_bit(old: tuple[int, int], new: tuple[int, int], channels: int) -> None:
    pixels = noise(*old, channels)
    means = area_means(pixels.numpy(), new)
    assert means is not None
    assert torch.equal(torch.from_numpy(means), interpolate(pixels.float()[None], new, mode="area")[0])


def test_area_means_by_hand() -> None:
    pixels = np.array([[[0, 10, 20, 30, 40], [100, 110, 120, 130, 140]]], np.uint8)
    means = area_means(pixels, (1, 2))  # columns 0 to 2 and 2 to 4: torch's rectangles overlap
    assert means is not None
    assert means.tolist() == [[[60.0, 80.0]]]


def test_rectangles_whose_sums_torch_may_round_are_left_to_torch() -> None:
    pixels = np.full((1, 300, 300), 255, np.uint8)
    assert area_means(pixels, (1, 1)) is None
    image = MetaTensor(torch.from_numpy(pixels))
    assert torch.equal(FastResize((1, 1))(image), Resize((1, 1))(image))


def test_integral_images_that_wrap_around() -> None:
    """The sum of all bytes exceeds 2**31; means stay right."""
    pixels = np.full((1, 3000, 3001), 255, np.uint8)
    means = area_means(pixels, (30, 31))
    assert means is not None
    assert (means == 255).all()


@pytest.mark.parametrize("mode", ["area", "bilinear", "nearest-exact"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_resize_equals_monai_s_and_has_its_record(mode: str, dtype: torch.dtype) -> None:
    image = MetaTensor(noise(120, 77).to(dtype))
    fast, stock = (kind((40, 50), mode=mode)(image) for kind in (FastResize, Resize))
    assert isinstance(fast, MetaTensor)
    assert fast.dtype == stock.dtype == torch.float32
    assert torch.equal(fast.as_tensor(), stock.as_tensor())
    assert torch.equal(fast.affine, stock.affine)
    records = [dict(one.applied_operations[-1]) for one in (fast, stock)]
    for record in records:
        record.pop("class"), record.pop("id")
    assert str(records[0]) == str(records[1])


def eye(height: int, width: int) -> torch.Tensor:
    rows, columns = np.mgrid[:height, :width]
    seen = np.hypot(rows - height / 2, columns - width / 2) < 0.45 * min(height, width)
    return noise(height, width) // 2 * torch.from_numpy(seen) + 60 * torch.from_numpy(seen)


@pytest.mark.parametrize("size", [(300, 431), (431, 300), (1030, 777)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_geometry_of_a_recipe_gives_the_same_input(size: tuple[int, int], mirrored: bool) -> None:
    steps: list[Any] = [
        CropForegroundd("image", "image", select_fn=lit_part, allow_smaller=True),
        Resized("image", 96, size_mode="longest", mode="area"),
        SpatialPadd("image", (96, 96)),
    ]
    mirror = [Flipd("image", 1)] if mirrored else []
    image = eye(*size).to(torch.uint8)
    stock, fast = Compose([*mirror, *steps]), Compose([*mirror, *fast_geometry(steps)])
    expected, got = (transform({"image": MetaTensor(image)}) for transform in (stock, fast))
    assert torch.equal(got["image"].as_tensor(), expected["image"].as_tensor())
    assert torch.equal(got["image"].affine, expected["image"].affine)
    back = [transform.inverse({"image": one["image"]})["image"] for transform, one in ((stock, expected), (fast, got))]
    assert torch.equal(back[0].as_tensor(), back[1].as_tensor())
    seen = field_of_view(image.flip(2) if mirrored else image).numpy()
    assert np.array_equal(got[SEEN], seen)
    assert not seen.all()
    assert steps[0].source_key == "image"
    assert type(steps[1].resizer) is Resize


def test_other_transforms_stay_as_they_are() -> None:
    steps = [CropForegroundd("image", "image"), SpatialPadd("image", (9, 9))]
    assert fast_geometry(steps) == steps
