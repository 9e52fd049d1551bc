from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Resized
from PIL import Image

from fundus_mtl.transforms import FastResize, InvertBilineard, PillowResized, fast_geometry


def photograph(channels=3, height=90, width=60):
    generator = torch.Generator().manual_seed(0)
    return MetaTensor(torch.randint(0, 256, (channels, height, width), generator=generator, dtype=torch.uint8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 24), (120, 90)])
def test_the_result_is_pillows(channels, size):
    image = photograph(channels)
    found = PillowResized("image", size)({"image": image})["image"]
    assert found.dtype == torch.float32
    for plane, own in zip(image.numpy(), found.numpy(), strict=True):
        other = Image.fromarray(plane).resize(size[::-1], Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(own, np.asarray(other, dtype=np.float32))


def test_a_constant_stays_and_a_reduction_averages():
    """By hand: a checkerboard of pixels becomes grey; torch's bilinear mode would pick pixels."""
    board = torch.zeros(1, 64, 32, dtype=torch.uint8)
    board[:, ::2, ::2] = board[:, 1::2, 1::2] = 200
    grey = PillowResized("image", (8, 4))({"image": board})["image"]
    assert (grey - 100).abs().max() <= 1
    constant = torch.full((3, 50, 70), 77, dtype=torch.uint8)
    assert (PillowResized("image", (9, 11))({"image": constant})["image"] == 77).all()


def test_record_and_inverse_are_those_of_resized():
    image = photograph()
    own, other = (
        kind("image", (32, 24), mode="bilinear")({"image": image})["image"] for kind in (PillowResized, Resized)
    )
    assert torch.equal(own.affine, other.affine)
    pipeline = Compose([PillowResized("image", (32, 24))])
    item = pipeline({"image": image})
    back = InvertBilineard("pred", transform=pipeline)(item | {"pred": torch.rand(1, 32, 24)})
    assert back["pred"].shape == (1, 90, 60)


def test_masks_have_another_mode():
    mask = (photograph(1) > 127).to(torch.uint8)
    given = {"image": photograph(), "disc": mask}
    found = PillowResized(["image", "disc"], (32, 24), mode=["bilinear", "nearest-exact"])(given)["disc"]
    assert set(found.unique().tolist()) == {0, 1}
    expected = Image.fromarray(mask[0].numpy()).resize((24, 32), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(found[0].numpy(), np.asarray(expected))


def test_folders_are_resized_in_the_same_way():
    (kept,) = fast_geometry([PillowResized("image", (32, 24))])
    (fast,) = fast_geometry([Resized("image", (32, 24), mode="area")])
    assert isinstance(fast.resizer, FastResize)
    image = photograph()
    assert torch.equal(kept({"image": image})["image"], PillowResized("image", (32, 24))({"image": image})["image"])


@pytest.mark.parametrize("image", [torch.rand(3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.uint8)], ids=["float", "two"])
def test_other_images_raise(image):
    with pytest.raises(Exception, match="expected uint8 \\(C, H, W\\) with one or three channels, but got"):
        PillowResized("image", (4, 4))({"image": image})
