"""One scale for photographs of every size: what shrinks, what grows, and the way back."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from fundus_mtl.transforms import InvertBilineard, ResizeLongestd


def image(*shape: int) -> MetaTensor:
    return MetaTensor(torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8))


@pytest.mark.parametrize(("shape", "size", "expected"), [((3, 40, 60), 30, (20, 30)), ((1, 60, 40), 90, (90, 60))])
def test_the_longest_side_gets_the_size_and_the_aspect_stays(shape, size, expected):
    found = ResizeLongestd(["image"], size=size)({"image": image(*shape)})["image"]
    assert found.shape == (shape[0], *expected)
    assert found.dtype == torch.float32


def test_reducing_by_two_is_the_mean_of_four_pixels():
    given = image(3, 8, 12)
    found = ResizeLongestd(["image"], size=6)({"image": given})["image"]
    blocks = given.as_tensor().float().reshape(3, 4, 2, 6, 2).mean((2, 4))
    torch.testing.assert_close(found.as_tensor(), blocks)


def test_enlarging_goes_through_values_between_the_pixels():
    """Half a pixel from each of 0 and 100; `area` would repeat them."""
    found = ResizeLongestd(["image"], size=4)({"image": MetaTensor(torch.tensor([[[0.0, 100.0]]]))})["image"]
    assert found[0, 0].tolist() == [0.0, 25.0, 75.0, 100.0]


@pytest.mark.parametrize("size", [24, 96])
def test_predictions_come_back_to_the_photograph(size):
    rows = torch.arange(30.0)[:, None].expand(30, 48)
    resize = Compose([ResizeLongestd(["image"], size=size)])
    item = resize({"image": MetaTensor(rows[None].clone())})
    back = InvertBilineard(["found"], transform=resize)({**item, "found": item["image"].as_tensor().clone()})["found"]
    assert back.shape == (1, 30, 48)
    torch.testing.assert_close(back.as_tensor()[0, 2:-2], rows[2:-2], atol=0.3, rtol=0)


def test_a_missing_key_is_an_error_or_optional():
    with pytest.raises(KeyError, match="mask"):
        ResizeLongestd(["image", "mask"], size=4)({"image": image(3, 8, 8)})
    assert set(ResizeLongestd(["image", "mask"], size=4, allow_missing_keys=True)({"image": image(3, 8, 8)})) == {
        "image"
    }


def test_a_size_without_pixels_is_refused():
    with pytest.raises(ValueError, match="ResizeLongestd: expected a size of at least 1 px, but got 0"):
        ResizeLongestd(["image"], size=0)
