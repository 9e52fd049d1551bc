"""One scale of the eye: the disc has one size, whatever the camera's field of view and the photograph's size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Resized

from fundus_mtl.transforms import InvertBilineard, ResizeToDiscd, fast_geometry


def item(height, width, diameter, dtype=torch.uint8):
    """A photograph and the mask of its disc."""
    rows, columns = np.ogrid[:height, :width]
    disc = (rows - height / 2) ** 2 + (columns - width / 3) ** 2 < (diameter / 2) ** 2
    pixels = torch.randint(0, 256, (3, height, width), generator=torch.Generator().manual_seed(0)).to(dtype)
    return {"image": MetaTensor(pixels), "pred_disc": torch.from_numpy(disc[None].astype(np.uint8))}


@pytest.mark.parametrize(("height", "width", "diameter"), [(400, 600, 60), (200, 300, 30), (400, 600, 30)])
def test_the_disc_gets_the_diameter(height, width, diameter):
    given = item(height, width, diameter)
    found = ResizeToDiscd(["image"], size=999, disc=45, limits=(1, 2000))(given)["image"]
    expected = np.array([height, width]) * 45 / diameter
    np.testing.assert_allclose(found.shape[1:], expected, rtol=0.02)


def test_two_cameras_of_one_eye_get_one_scale():
    """A crop of a photograph is what a camera with a narrower field sees: the same pixels after resizing."""
    wide = item(400, 600, 60)
    narrow = {key: value[:, 100:300, 100:400] for key, value in wide.items()}
    resize = ResizeToDiscd(["image"], size=50, disc=30, limits=(1, 2000))
    (whole, part), scale = (resize(each)["image"] for each in (wide, narrow)), 30 / 60
    assert part.shape[2] / 300 == pytest.approx(scale, rel=0.02)
    assert whole.shape[2] / 600 == pytest.approx(scale, rel=0.02)


@pytest.mark.parametrize("known", [{}, {"pred_disc": torch.zeros(1, 40, 60)}])
def test_without_a_disc_the_longest_side_gets_the_size(known):
    image = item(40, 60, 10)["image"]
    assert ResizeToDiscd(["image"], size=30, disc=45)({"image": image} | known)["image"].shape == (3, 20, 30)
    resize = ResizeToDiscd(["image"], size=30)  # no diameter is asked for
    assert resize(item(40, 60, 10))["image"].shape == (3, 20, 30)


@pytest.mark.parametrize(("diameter", "longest"), [(4, 90), (60, 30)])
def test_a_wrong_disc_stays_within_the_limits(diameter, longest):
    found = ResizeToDiscd(["image"], size=60, disc=15, limits=(30, 90))(item(40, 60, diameter))["image"]
    assert max(found.shape[1:]) == longest


@pytest.mark.parametrize("disc", [10, 40])  # reduced and enlarged
@pytest.mark.parametrize("make", [lambda transforms: transforms, fast_geometry])
def test_predictions_come_back_to_the_photograph(disc, make):
    given = item(60, 90, 20)
    given["image"] = MetaTensor(torch.arange(60)[:, None].expand(3, 60, 90).contiguous().to(torch.uint8))
    resize = Compose(make([ResizeToDiscd(["image"], size=1, disc=disc, limits=(8, 999))]))
    done = resize(given)
    found = done["image"].as_tensor()[:1].clone()
    back = InvertBilineard(["found"], transform=resize)(done | {"found": found})["found"]
    assert back.shape == (1, 60, 90)
    torch.testing.assert_close(back[0, 2:-2, 0].as_tensor(), torch.arange(60.0)[2:-2], atol=0.5, rtol=0)


def test_it_is_a_resize_in_everything_else():
    """The fast geometry of an inference finds it."""
    assert isinstance(ResizeToDiscd(["image"], size=8), Resized)


@pytest.mark.parametrize("wrong", [{"disc": 0}, {"limits": (9, 8)}, {"limits": (0, 8)}, {"size": 0}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        ResizeToDiscd(["image"], **({"size": 8} | wrong))
