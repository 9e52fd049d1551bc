"""Every key and its flag exist, whatever is missing in the item."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, list_data_collate
from monai.transforms import Compose, RandFlipd, Resized

from fundus_mtl.transforms import MissingLabelsd

LABELS = MissingLabelsd(masks=["disc", "cup"], points=["fovea"], numbers=["glaucoma"])


def image(height: int = 6, width: int = 9) -> MetaTensor:
    meta = {"filename_or_obj": "eye.png", "spatial_shape": np.array([height, width])}
    return MetaTensor(
        torch.ones(3, height, width, dtype=torch.uint8), affine=torch.eye(4, dtype=torch.float64), meta=meta
    )


def test_present_labels_are_brought_to_one_form() -> None:
    mask = MetaTensor(torch.tensor([[[0, 1, 255], [128, 0, 0]]], dtype=torch.uint8))
    got = LABELS({"image": image(2, 3), "disc": mask, "cup": mask * 0, "fovea": [2, 1.25], "glaucoma": 1})
    assert got["disc"].tolist() == [[[0, 1, 1], [1, 0, 0]]]
    assert got["disc"].dtype == torch.uint8
    assert got["cup"].sum() == 0  # an empty mask is a label
    assert (got["fovea"].dtype, got["fovea"].tolist()) == (torch.float64, [2.0, 1.25])
    assert (got["glaucoma"].dtype, got["glaucoma"].tolist()) == (torch.float32, [1.0])
    for key in ("disc", "cup", "fovea", "glaucoma"):
        flag = got[f"{key}_present"]
        assert (flag.dtype, flag.shape, bool(flag)) == (torch.bool, (), True)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"disc": None, "cup": None, "fovea": None, "glaucoma": None},
        {"fovea": [math.nan, math.nan], "glaucoma": math.nan},
        {"fovea": [3.0, math.nan], "glaucoma": np.float32("nan")},
        {"fovea": [None, 2], "glaucoma": torch.tensor(math.nan)},
    ],
)
def test_missing_labels_are_neutral(labels: dict[str, object]) -> None:
    got = LABELS({"id": "1", "image": image(), **labels})
    for key in ("disc", "cup"):
        assert isinstance(got[key], MetaTensor)
        assert (got[key].dtype, tuple(got[key].shape), int(got[key].sum())) == (torch.uint8, (1, 6, 9), 0)
        assert torch.equal(got[key].affine, got["image"].affine)
    assert (got["fovea"].dtype, tuple(got["fovea"].shape), bool(got["fovea"].isnan().all())) == (
        torch.float64,
        (2,),
        True,
    )
    assert (got["glaucoma"].dtype, got["glaucoma"].tolist()) == (torch.float32, [0.0])
    for key in ("disc", "cup", "fovea", "glaucoma"):
        flag = got[f"{key}_present"]
        assert (flag.dtype, flag.shape, bool(flag)) == (torch.bool, (), False)


def test_zero_is_a_label() -> None:
    got = LABELS({"image": image(), "fovea": (0.0, 0.0), "glaucoma": 0})
    assert got["glaucoma_present"]
    assert got["fovea_present"]


def test_fillers_go_through_geometry_like_the_image() -> None:
    keys = ["image", "disc", "cup"]
    geometry = Compose([LABELS, Resized(keys, (12, 18)), RandFlipd(keys, prob=1.0, spatial_axis=1)])
    got = geometry({"image": image()})
    assert tuple(got["disc"].shape) == (1, 12, 18)
    assert torch.equal(got["disc"].affine, got["image"].affine)
    assert not torch.equal(got["image"].affine, torch.eye(4, dtype=torch.float64))
    assert got["disc"].meta is not got["image"].meta


def test_fillers_have_metadata_of_their_own() -> None:
    got = LABELS({"image": image()})
    got["disc"].affine = 2 * torch.eye(4, dtype=torch.float64)
    got["disc"].meta["spatial_shape"][0] = 0
    assert torch.equal(got["image"].affine, torch.eye(4, dtype=torch.float64))
    assert list(got["image"].meta["spatial_shape"]) == [6, 9]
    assert torch.equal(got["cup"].affine, got["image"].affine)


def test_samples_with_and_without_labels_make_a_batch() -> None:
    disc = MetaTensor(torch.nn.functional.pad(torch.ones(1, 3, 4), (2, 3, 1, 2)))
    full = {"image": image(), "disc": disc, "fovea": [1, 2], "glaucoma": 1}
    batch = list_data_collate([LABELS(full), LABELS({"image": image()})])
    assert batch["disc_present"].tolist() == [True, False]
    assert batch["fovea"].shape == (2, 2)
    assert batch["glaucoma"].tolist() == [[1.0], [0.0]]


def test_wrong_sizes_raise() -> None:
    item = {"id": "g0001", "image": image(), "disc": torch.ones(1, 9, 6)}
    with pytest.raises(
        ValueError, match=r"^g0001: expected disc of 9x6 px and 1 channel like the image, but got 6x9 px"
    ):
        LABELS(item)
    with pytest.raises(ValueError, match="but got 9x6 px and 3 channels"):
        LABELS({**item, "disc": torch.ones(3, 6, 9)})
    with pytest.raises(ValueError, match=r"g0001: expected fovea as \(x, y\), but got 3 coordinates"):
        LABELS({"id": "g0001", "image": image(), "fovea": [1, 2, 3]})


@pytest.mark.parametrize(
    "values, message",
    [
        (
            [0, 128, 255],
            r"eye: expected a mask of disc .* but got 3 values \(0, 128, 255\); split a mask of several codes",
        ),
        ([0, 0, 0, 254, 255], "expected a mask of disc .* but got 3 values"),  # a mask that was a JPEG
        ([255, 255, 0], "covers at most 50% of the photograph, but got 67%; check whether it is inverted"),
    ],
)
def test_masks_that_are_no_masks_are_refused(values: list[int], message: str) -> None:
    mask = torch.tensor(values, dtype=torch.uint8).repeat_interleave(20)[None, None].expand(1, 9, -1)
    with pytest.raises(ValueError, match=message):
        LABELS({"id": "eye", "image": image(9, mask.shape[2]), "disc": mask})


def test_a_mask_that_may_fill_the_photograph() -> None:
    got = MissingLabelsd(masks=["field"], largest=1.0)({"image": image(), "field": torch.ones(1, 6, 9)})
    assert got["field"].sum() == 54


@pytest.mark.parametrize("point", [[8.5, 3], [3, 5.5], [-0.6, 3]])
def test_a_point_outside_the_photograph_is_refused(point: list[float]) -> None:
    """9 x 6 px: the order of x and y matters."""
    with pytest.raises(ValueError, match=r"eye: expected fovea within 9 x 6 px, but got"):
        LABELS({"id": "eye", "image": image(), "fovea": point})
    assert LABELS({"image": image(), "fovea": [8.4, 5.4]})["fovea_present"]


def test_the_item_is_not_changed() -> None:
    item = {"image": image(), "fovea": None}
    LABELS(item)
    assert set(item) == {"image", "fovea"}
