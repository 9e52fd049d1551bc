"""Predictions are mapped back to the pixels of the photograph."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, set_track_meta
from monai.transforms import Compose, CropForegroundd, Flipd, Invertd, RandAffined, RandFlipd, Resized, SpatialPadd

from fundus_mtl.transforms import InvertBilineard

KEYS = ["image", "disc"]


def sample(height: int, width: int) -> dict[str, MetaTensor]:
    rows, columns = np.mgrid[:height, :width]
    short = min(height, width)
    seen = np.hypot(rows - height / 2, columns - width / 2) < 0.47 * short
    disc = np.hypot((rows - 0.45 * height) / 1.3, columns - 0.4 * width) < 0.08 * short
    affine = torch.eye(4, dtype=torch.float64)
    image = MetaTensor(torch.from_numpy(np.stack([seen * 150] * 3).astype(np.uint8)), affine=affine)
    return {"image": image, "disc": MetaTensor(torch.from_numpy(disc[None].astype(np.uint8)), affine=affine.clone())}


def geometry(random: bool, size: int = 160, lazy: bool = False) -> Compose:
    steps = [
        CropForegroundd(KEYS, "image", allow_smaller=True, start_coord_key=None, end_coord_key=None),
        Resized(KEYS, size, size_mode="longest", mode="area"),
        SpatialPadd(KEYS, (size, size)),
    ]
    if random:
        steps += [
            RandFlipd(KEYS, prob=1.0, spatial_axis=1),
            RandAffined(KEYS, prob=1.0, rotate_range=0.2, scale_range=0.05, padding_mode="zeros"),
        ]
    return Compose(steps, lazy=lazy).set_random_state(0)


def overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("size, grid", [((240, 360), 160), ((360, 240), 160), ((241, 187), 128)])
@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_native_grid_round_trip(size: tuple[int, int], grid: int, random: bool, plain: bool) -> None:
    native = sample(*size)
    transform = geometry(random, grid)
    got = transform(native)
    assert tuple(got["image"].shape) == (3, grid, grid)
    perfect = got["disc"].as_tensor()  # what a perfect network says
    got["pred_disc"] = perfect.clone() if plain else MetaTensor(perfect.clone())
    back = InvertBilineard("pred_disc", transform)(got)
    assert tuple(back["pred_disc"].shape) == (1, *size)
    assert overlap(back["pred_disc"] > 0.5, native["disc"] > 0) >= 0.99
    assert torch.equal(back["image"], got["image"])
    assert str(back["image"].applied_operations) == str(got["image"].applied_operations)


def test_lazy_works_but_reduces_without_averaging() -> None:
    """A lazy Compose ignores `area` and picks single pixels: noise stays noise. Let geometry that reduces be eager."""
    noise = torch.randint(0, 255, (3, 400, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    spread = {}
    for lazy in (False, True):
        transform = geometry(False, 40, lazy)
        got = transform({"image": MetaTensor(noise), "disc": MetaTensor(noise[:1])})
        spread[lazy] = got["image"][:, :, 10:30].std().item()
    assert spread[True] > 4 * spread[False]
    got["pred_disc"] = got["disc"]
    with pytest.warns(UserWarning, match="lazy execution is not supported when inverting"):
        assert tuple(InvertBilineard("pred_disc", transform)(got)["pred_disc"].shape) == (1, 400, 300)


def test_the_stock_inverse_makes_stairs_after_area() -> None:
    """The reason for this class. If this test fails, MONAI may have changed and the class may be unnecessary."""
    native = sample(360, 240)
    transform = geometry(False, 64)
    got = transform(native)
    got["pred_disc"] = MetaTensor(got["disc"].clone())
    stock = Invertd("pred_disc", transform, "image", nearest_interp=False)(got)["pred_disc"]
    ours = InvertBilineard("pred_disc", transform)(got)["pred_disc"]
    assert overlap(ours > 0.5, native["disc"] > 0) > overlap(stock > 0.5, native["disc"] > 0) + 0.02


def test_several_keys_and_missing_ones() -> None:
    transform = geometry(False)
    got = transform(sample(240, 360))
    got["pred_disc"] = got["pred_cup"] = got["disc"].as_tensor()
    back = InvertBilineard(["pred_disc", "pred_cup", "pred_vessel"], transform, allow_missing_keys=True)(got)
    assert back["pred_cup"].shape == back["pred_disc"].shape == (1, 240, 360)
    with pytest.raises(KeyError, match="pred_vessel"):
        InvertBilineard(["pred_disc", "pred_vessel"], transform)(got)


def test_an_image_without_trace_raises() -> None:
    set_track_meta(False)
    try:
        transform = geometry(False)
        got = transform(sample(240, 360))
    finally:
        set_track_meta(True)
    with pytest.raises(ValueError, match="image: expected an image with a record of its transforms"):
        InvertBilineard("pred_disc", transform)({**got, "pred_disc": got["disc"]})


class Watched(Flipd):
    """A flip that notes which objects were used to invert it."""

    used: ClassVar[list[Flipd]] = []

    def inverse(self, data: dict[Any, Any]) -> Any:
        self.used.append(self)
        return super().inverse(data)


def test_another_thread_may_transform_meanwhile() -> None:
    """MONAI switches off the recording of a flip while it inverts it, so that a copy has to be inverted."""
    flip = Watched("image", 1)
    transform = Compose([flip, Resized("image", (8, 8), mode="area")])
    got = transform({"image": MetaTensor(torch.rand(1, 12, 16))})
    back = InvertBilineard("pred_disc", transform)({**got, "pred_disc": got["image"].as_tensor()})["pred_disc"]
    assert tuple(back.shape) == (1, 12, 16)
    (used,) = Watched.used
    assert used is not flip
