"""Field of view on drawn images with exact truth, and on real photographs if they are available."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import CropForegroundd, Invertd
from PIL import Image

from fundus_mtl.transforms import field_of_view

SHARED = Path(__file__).parents[3] / "shared" / "data"


def circle(height: int, width: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def photograph(seen: np.ndarray, noise: int = 6, seed: int = 0) -> torch.Tensor:
    """(3, H, W): orange and darker towards one side where seen, noise of up to `noise` levels everywhere."""
    random = np.random.default_rng(seed)
    shade = np.linspace(1.0, 0.35, seen.shape[1])[None, :]
    pixels = np.stack([level * shade * seen for level in (190, 90, 40)])
    return torch.from_numpy((pixels + random.integers(0, noise + 1, pixels.shape)).astype(np.uint8))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("size, radius", [((180, 260), 80), ((260, 180), 80), ((700, 1100), 340), ((700, 1100), 420)])
def test_circle_on_a_noisy_background(size: tuple[int, int], radius: int) -> None:
    """The last one is cut off above and below, like most cameras' pictures."""
    truth = circle(*size, (size[0] / 2, size[1] / 2 + 5), radius)
    got = field_of_view(photograph(truth))
    assert (got.dtype, tuple(got.shape), type(got)) == (torch.bool, (1, *size), torch.Tensor)
    assert overlap(got[0].numpy(), truth) > 0.99


def test_dark_spots_inside_and_letters_outside_do_not_count() -> None:
    truth = circle(300, 400, (150, 200), 130)
    image = photograph(truth)
    image[:, 140:170, 190:230] = 0  # a dark fovea
    image[:, 20:28, 10:60] = 255  # letters, burnt in
    got = field_of_view(image)[0]
    assert overlap(got.numpy(), truth) > 0.99
    assert not bool(got[15:33, 5:65].any())


def test_a_reflex_does_not_darken_the_rest() -> None:
    truth = circle(300, 400, (150, 200), 130)
    image = (photograph(truth, noise=0) * 0.2).to(torch.uint8)
    image[:, 150:156, 200:206] = 255
    assert overlap(field_of_view(image)[0].numpy(), truth) > 0.99


def test_a_whole_number_of_steps_is_not_needed() -> None:
    """Every fourth pixel is used: the border is accurate to 4 px, the centre to 1 px."""
    truth = circle(1031, 1543, (515, 770), 500)
    got, expected = np.argwhere(field_of_view(photograph(truth))[0].numpy()), np.argwhere(truth)
    assert np.abs(got.min(0) - expected.min(0)).max() <= 4
    assert np.abs(got.max(0) - expected.max(0)).max() <= 4
    assert np.abs(got.mean(0) - expected.mean(0)).max() <= 1


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(3, 40, 60, dtype=torch.uint8),
        torch.full((3, 40, 60), 255, dtype=torch.uint8),
        torch.randint(0, 8, (3, 40, 60), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        torch.randint(90, 200, (3, 40, 60), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        torch.nn.functional.pad(torch.full((3, 8, 8), 255, dtype=torch.uint8), (18, 18, 18, 18)),
        torch.full((3, 1, 1), 9, dtype=torch.uint8),
        torch.nn.functional.pad(torch.full((3, 30, 30), 10, dtype=torch.uint8), (9, 9, 9, 9)),
    ],
    ids=["black", "white", "sensor noise", "fills the frame", "a dot", "one pixel", "a glow"],
)
def test_whole_frame_if_no_field_of_view_is_found(image: torch.Tensor) -> None:
    got = field_of_view(image)
    assert tuple(got.shape) == (1, *image.shape[1:])
    assert bool(got.all())


def test_whole_frame_where_the_field_of_view_fills_it() -> None:
    """A close-up: bright in the middle, darker but not black in the corners."""
    rows, columns = np.mgrid[:120, :160]
    level = 200 * np.exp(-((rows - 60) ** 2 + (columns - 80) ** 2) / (2 * 90**2))
    image = torch.from_numpy(np.stack([level] * 3).astype(np.uint8))
    assert image[:, 0, 0].min() > 90
    assert bool(field_of_view(image).all())


def test_grey_and_float_pictures() -> None:
    image = photograph(circle(120, 160, (60, 80), 50))
    expected = field_of_view(image)
    assert torch.equal(field_of_view(image[:1].float()), field_of_view(image[:1]))
    assert torch.equal(field_of_view(MetaTensor(image)), expected)


def test_the_crop_is_invertible() -> None:
    truth = circle(90, 140, (45, 80), 40)
    image = MetaTensor(photograph(truth), affine=torch.eye(4, dtype=torch.float64))
    crop = CropForegroundd("image", "image", select_fn=field_of_view, allow_smaller=True, start_coord_key=None)
    cropped = crop({"image": image})
    assert cropped["image"].dtype == torch.uint8
    assert cropped["image"].shape[1] < 85
    assert cropped["image"].shape[2] < 85
    row, column = (int(part) for part in cropped["image"].affine[:2, -1])
    assert torch.equal(
        cropped["image"], image[:, row : row + cropped["image"].shape[1], column:][..., : cropped["image"].shape[2]]
    )
    back = Invertd("image", crop, "image")(cropped)["image"]
    assert tuple(back.shape) == (3, 90, 140)
    assert torch.equal(back * torch.from_numpy(truth), image * torch.from_numpy(truth))


def load(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)


@pytest.mark.skipif(not (SHARED / "hrf_av").is_dir(), reason="HRF photographs are not at ../shared/data/hrf_av")
@pytest.mark.parametrize("name", ["01_h.jpg", "07_g.jpg", "15_dr.JPG"])
def test_real_photographs_with_masks(name: str) -> None:
    path = SHARED / "hrf_av" / "images" / name
    mask = np.array(Image.open(SHARED / "hrf_av" / "fov_mask" / f"{path.stem}_mask.tif").convert("L")) > 127
    assert overlap(field_of_view(load(path))[0].numpy(), mask) > 0.997


@pytest.mark.skipif(
    not (SHARED / "idrid_1072").is_dir(), reason="IDRiD photographs are not at ../shared/data/idrid_1072"
)
def test_real_photographs_without_masks() -> None:
    """All come from one camera: the field of view spans the full height, and columns 66 to 922 or so."""
    for path in sorted((SHARED / "idrid_1072" / "images").glob("*.jpg"))[::40]:
        box = np.argwhere(field_of_view(load(path))[0].numpy())
        assert np.abs(box.min(0) - (0, 68)).max() <= 12, path.name
        assert np.abs(box.max(0) - (711, 922)).max() <= 12, path.name


@pytest.mark.skipif(not (SHARED / "skimage_retina").is_dir(), reason="../shared/data/skimage_retina is not there")
def test_real_photograph_of_a_full_circle() -> None:
    seen = field_of_view(load(SHARED / "skimage_retina" / "retina.jpg"))[0].numpy()
    assert overlap(seen, circle(1411, 1411, (703, 704), 698)) > 0.99
