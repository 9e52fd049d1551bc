"""Where a pixel of a photograph lies in NIfTI's world, asked of the two libraries that viewers are made of."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from fundus_mtl.photographs import FundusReader
from fundus_mtl.results._nifti_writer import write_nifti

MASK = np.zeros((5, 8), np.uint8)
MASK[1, 6], MASK[4, 2] = 1, 2
PLACES = {(1, 6): 1, (4, 2): 2}  # (row, column): label


def written(
    tmp_path: Path, array: np.ndarray, scale: float | tuple[float, float] | None, name: str = "m.nii.gz"
) -> Path:
    write_nifti(tmp_path / name, array, scale)
    return tmp_path / name


@pytest.mark.parametrize("scale, sx, sy", [((0.006, 0.005), 0.006, 0.005), (0.01, 0.01, 0.01), (None, 1.0, 1.0)])
@pytest.mark.parametrize("name", ["m.nii.gz", "m.nii"])
def test_simpleitk_sees_it_as_a_photograph(
    tmp_path: Path, scale: tuple[float, float] | float | None, sx: float, sy: float, name: str
) -> None:
    image = SimpleITK.ReadImage(str(written(tmp_path, MASK, scale, name)))
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    assert image.GetSize() == (8, 5, 1)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0], MASK)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-7)
    for (row, column), label in PLACES.items():
        assert image.GetPixel(column, row, 0) == label
        place = image.TransformIndexToPhysicalPoint((column, row, 0))  # x to the left, y to posterior, z to superior
        np.testing.assert_allclose(place, (column * sx, row * sy, 0), rtol=1e-6, atol=1e-9)


def test_coronal_superior_is_up(tmp_path: Path) -> None:
    write_nifti(tmp_path / "m.nii.gz", MASK, (0.006, 0.005), coronal=True)
    image = SimpleITK.ReadImage(str(tmp_path / "m.nii.gz"))
    for (row, column), label in PLACES.items():
        assert image.GetPixel(column, row, 0) == label
        place = image.TransformIndexToPhysicalPoint((column, row, 0))
        np.testing.assert_allclose(place, (column * 0.006, 0, -row * 0.005), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("coronal, axes", [(False, ("L", "P", "S")), (True, ("L", "I", "P"))])
def test_nibabel_finds_the_same_place_in_its_own_coordinates(
    tmp_path: Path, coronal: bool, axes: tuple[str, str, str]
) -> None:
    write_nifti(tmp_path / "m.nii", MASK, (0.006, 0.005), coronal)
    image = nibabel.load(tmp_path / "m.nii")
    assert nibabel.aff2axcodes(image.affine) == axes
    assert np.linalg.det(image.affine) > 0  # not mirrored
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.header.get_zooms(), (0.006, 0.005, 0.006), rtol=1e-6)
    np.testing.assert_allclose(image.header.get_qform(), image.header.get_sform(), atol=1e-7)
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    for (row, column), label in PLACES.items():
        assert image.dataobj[column, row, 0] == label
        down = -row * 0.005
        wanted = (-column * 0.006, 0, down) if coronal else (-column * 0.006, down, 0)
        np.testing.assert_allclose((image.affine @ (column, row, 0, 1))[:3], wanted, rtol=1e-6)


@pytest.mark.parametrize("coronal, across", [(False, 2), (True, 1)])
def test_the_view_of_radiologists_is_the_photograph(tmp_path: Path, coronal: bool, across: int) -> None:
    """It has the patient's left on its right, and at its top anterior (axial) or superior (coronal)."""
    write_nifti(tmp_path / "m.nii", MASK, 0.01, coronal)
    canonical = np.asarray(nibabel.as_closest_canonical(nibabel.load(tmp_path / "m.nii")).dataobj)  # to R, A, S
    np.testing.assert_array_equal(canonical.take(0, axis=across)[::-1, ::-1].T, MASK)


def test_our_own_reader_reads_what_was_written(tmp_path: Path) -> None:
    reader = FundusReader()
    for scale in (None, 0.006, (0.006, 0.007)):
        path = written(tmp_path, MASK * 100, scale)
        np.testing.assert_array_equal(reader(path)[0], MASK * 100)
        seen = reader.facts(path)["mm_per_px"]
        assert seen == (
            scale if scale is None else pytest.approx(scale if isinstance(scale, tuple) else (scale, scale))
        )


def test_a_scale_that_is_not_known_is_one_unit_without_a_name(tmp_path: Path) -> None:
    header = nibabel.load(written(tmp_path, MASK, None)).header
    assert header.get_xyzt_units()[0] == "unknown"
    assert header.get_zooms() == (1, 1, 1)


def test_probability_maps_keep_their_channels_and_values(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).random((3, 5, 8))
    maps[0, 2, 3] = np.nan
    path = written(tmp_path, maps, 0.01)
    image = nibabel.load(path)
    assert image.get_data_dtype() == np.float32
    assert image.shape == (8, 5, 1, 3)
    np.testing.assert_array_equal(np.asarray(image.dataobj)[:, :, 0].T, maps.astype(np.float32))
    by_itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    np.testing.assert_array_equal(by_itk[:, 0], np.nan_to_num(maps, nan=0.0).astype(np.float32))


def test_a_bool_mask_is_a_label_and_the_same_content_the_same_file(tmp_path: Path) -> None:
    first = written(tmp_path, MASK > 0, None, "a.nii.gz")
    second = written(tmp_path, (MASK > 0).astype(np.uint8), None, "b.nii.gz")
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz"]


@pytest.mark.parametrize(
    "array, scale, name, reason",
    [
        (MASK, 0.01, "m.png", "ending in .nii or .nii.gz, but got '.png'"),
        (MASK[0], 0.01, "m.nii", r"expected \(H, W\) or \(C, H, W\), but got \(8,\)"),
        (MASK.astype(np.int64), 0.01, "m.nii", "but got int64"),
        (MASK, 0.0, "m.nii", "mm_per_px: expected positive numbers, but got 0.0"),
        (MASK, (0.01, float("nan")), "m.nii", "mm_per_px: expected positive numbers"),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, array: np.ndarray, scale: float | tuple[float, float], name: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        write_nifti(tmp_path / name, array, scale)
    assert not list(tmp_path.iterdir())
