"""LoadFundusd uses only the given reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import ImageReader, MetaTensor, PILReader
from monai.transforms import LoadImage
from PIL import Image

from fundus_mtl.photographs import FundusReader
from fundus_mtl.transforms import LoadFundusd


class Refusing(ImageReader):
    def verify_suffix(self, filename):
        return True

    def read(self, data, **kwargs):
        raise OSError("this reader refuses")

    def get_data(self, img):
        raise AssertionError


@pytest.fixture
def item(tmp_path: Path) -> dict[str, object]:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[4, 21] = (255, 0, 100)
    Image.fromarray(pixels).save(tmp_path / "eye.png")
    Image.fromarray(pixels[..., 0] > 0).save(tmp_path / "disc.png")
    return {"id": "1", "image": str(tmp_path / "eye.png"), "disc": str(tmp_path / "disc.png")}


def test_upright_uint8_with_metadata(item: dict[str, object]) -> None:
    loaded = LoadFundusd(["image"], FundusReader())(item)
    image = loaded["image"]
    assert isinstance(image, MetaTensor)
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, 20, 30))
    assert image[:, 4, 21].tolist() == [255, 0, 100]
    assert torch.equal(image.affine, torch.eye(4, dtype=torch.float64))
    assert list(image.meta["spatial_shape"]) == [20, 30]
    assert image.meta["filename_or_obj"] == item["image"]
    assert loaded["disc"] == item["disc"]
    assert isinstance(item["image"], str)


def test_never_another_reader(item: dict[str, object]) -> None:
    """MONAI's own loader reads the file anyway, transposed."""
    assert LoadImage(reader=Refusing())(item["image"]).shape[:2] == (30, 20)
    with pytest.raises(OSError, match="this reader refuses"):
        LoadFundusd(["image"], Refusing())(item)


def test_missing_keys(item: dict[str, object]) -> None:
    load = LoadFundusd(["disc", "cup"], FundusReader("mask"), allow_missing_keys=True)
    loaded = load(item)
    assert loaded["disc"].sum() == 1
    assert "cup" not in loaded
    with pytest.raises(KeyError, match="cup"):
        LoadFundusd(["disc", "cup"], FundusReader("mask"))(item)


@pytest.mark.parametrize("reader", ["PILReader", PILReader, FundusReader])
def test_reader_is_an_object(reader: object) -> None:
    with pytest.raises(TypeError, match="expected a reader object"):
        LoadFundusd(["image"], reader)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, MetaTensor])
def test_pixels_in_memory(kind) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    found = LoadFundusd("image", FundusReader())({"image": kind(pixels.copy())})["image"]
    assert np.array_equal(found.numpy(), pixels.transpose(2, 0, 1))
    assert found.meta["spatial_shape"].tolist() == [4, 6]


@pytest.mark.parametrize("pixels", [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3), np.float32)])
def test_pixels_of_another_kind_are_refused(pixels) -> None:
    with pytest.raises(ValueError, match=r"expected pixels uint8 of shape \(H, W, C\), but got"):
        LoadFundusd("image", FundusReader())({"image": pixels})
