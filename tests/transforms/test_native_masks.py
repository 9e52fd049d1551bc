"""Masks are brought back in the window that holds them; the result equals the way over the whole photograph bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    AsDiscreted,
    Compose,
    CropForegroundd,
    Flipd,
    KeepLargestConnectedComponentd,
    Resized,
    Rotate90d,
    SpatialPadd,
)
from torch.nn.functional import interpolate

from fundus_mtl.transforms import CropDiscd, InvertBilineard, NativeMasksd
from fundus_mtl.transforms._window_steps import enlarged

SIZES = [(240, 361), (353, 240), (411, 630)]


def robust(size: int) -> list[Any]:
    return [
        CropForegroundd("image", "image", allow_smaller=True),
        Resized("image", size, size_mode="longest", mode="area"),
        SpatialPadd("image", (size, size)),
    ]


def around_disc(size: int) -> list[Any]:
    return [CropDiscd("image", "disc", diameters=2.5), Resized("image", (size, size), mode="area")]


RECIPES: dict[str, Callable[[int], list[Any]]] = {
    "square": lambda size: [Resized("image", (size, size), mode="area")],
    "robust": robust,
    "mirrored left-right": lambda size: [Flipd("image", 1), *robust(size)],
    "mirrored upside down": lambda size: [Flipd("image", -2), *robust(size)],
    "mirrored both ways": lambda size: [Flipd("image", None), *robust(size)],
    "window": around_disc,
    "enlarged": lambda size: [Resized("image", (size, size), mode="area"), CropForegroundd("image", "image")],
    "without a resize": lambda size: [SpatialPadd("image", (1100, 1030)), Flipd("image", 0)],
    "turned": lambda size: [Rotate90d("image", 1), *robust(size)],  # no quick way
    "resized twice": lambda size: [
        Resized("image", (300, 200), mode="area"),
        Resized("image", (size, size), mode="area"),
    ],
}


def transformed(height: int, width: int, steps: list[Any]) -> tuple[Compose, dict[str, Any]]:
    rows, columns = np.mgrid[:height, :width]
    seen = np.hypot(rows - height / 2, columns - width / 2) < 0.47 * min(height, width)
    disc = np.hypot(rows - 0.3 * height, columns - 0.35 * width) < 0.1 * min(height, width)
    image = MetaTensor(torch.from_numpy(np.stack([seen * 150] * 3).astype(np.uint8)))
    transform = Compose(steps)
    return transform, transform({"image": image, "disc": torch.from_numpy(disc[None].astype(np.uint8))})


def answers(kind: str, shape: tuple[int, int], seed: int) -> torch.Tensor:
    """Return probabilities ``(1, h, w)``: what a network may say."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, *shape, generator=generator)
    rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in shape), indexing="ij")
    blob = torch.sigmoid(20 * (0.25 - torch.hypot(rows - 0.2, columns + 0.3)))[None]
    edge = torch.sigmoid(20 * (0.4 - torch.hypot(rows + 1, columns - 1)))[None]
    return {"noise": noise, "blob": blob, "edge": edge, "both": torch.maximum(blob, edge), "half": 0 * noise + 0.5}.get(
        kind, torch.zeros_like(noise)
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("kind", ["noise", "blob", "edge", "both", "half", "nothing"])
def test_equals_the_way_over_the_whole_photograph(size: tuple[int, int], recipe: str, kind: str) -> None:
    transform, sample = transformed(*size, RECIPES[recipe](96))
    sample["pred_disc"] = answers(kind, sample["image"].shape[1:], 1)
    expected = Compose(
        [
            InvertBilineard("pred_disc", transform),
            AsDiscreted("pred_disc", threshold=0.5, dtype=torch.uint8),
            KeepLargestConnectedComponentd("pred_disc"),
        ]
    )(dict(sample))["pred_disc"].as_tensor()
    got = NativeMasksd("pred_disc", transform)(sample)["pred_disc"]
    assert got.dtype == torch.uint8
    assert tuple(got.shape) == (1, *size)
    assert torch.equal(got, expected)
    if kind == "nothing":
        assert not got.any()


def test_channels_are_separate_and_the_sample_is_not_changed() -> None:
    transform, sample = transformed(240, 361, robust(96))
    both = torch.cat([answers("both", (96, 96), 0), answers("blob", (96, 96), 0)])
    sample["pred"] = both.clone()
    got = NativeMasksd(["pred", "absent"], transform, allow_missing_keys=True)(sample)["pred"]
    assert tuple(got.shape) == (2, 240, 361)
    assert torch.equal(sample["pred"], both)
    alone = NativeMasksd("pred", transform)({**sample, "pred": both[1:]})["pred"]
    assert torch.equal(got[1:], alone)


def test_an_image_without_a_record_is_refused() -> None:
    with pytest.raises(ValueError, match="image: expected an image with a record of its transforms, but got none"):
        NativeMasksd("pred", Compose(robust(96)))({"image": torch.zeros(3, 9, 9), "pred": torch.zeros(1, 9, 9)})


@pytest.mark.parametrize("seed", range(6))
def test_a_window_of_an_enlarged_map_has_the_bits_of_the_whole(seed: int) -> None:
    """If this fails, torch has changed how it divides its work; see `enlarged`."""
    draw = np.random.default_rng(seed)
    for _ in range(40):
        old, new = draw.integers(1, 330, 2).tolist(), draw.integers(1, 900, 2).tolist()
        map_ = torch.rand(old, generator=torch.Generator().manual_seed(seed))
        whole = interpolate(map_[None, None], new, mode="bilinear")[0, 0]
        (top, bottom), (left, right) = (sorted(draw.choice(side + 1, 2, replace=False).tolist()) for side in new)
        part = enlarged(map_, (new[0], new[1]), (slice(top, bottom), slice(left, right)))
        assert torch.equal(part, whole[top:bottom, left:right])
