"""FundusReader on NIfTI, mha and nrrd: upright as in ITK-SNAP, by SimpleITK's own reading; volumes and bombs are refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from fundus_mtl.photographs import FundusReader, UnreadableImageError
from fundus_mtl.photographs._header_facts import no_facts

HEIGHT, WIDTH = 6, 10
IMAGES = ("eye.mha", "eye.nrrd", "eye.nii", "eye.nii.gz")


def picture() -> np.ndarray:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:3, :4], pixels[:3, 4:] = (200, 10, 10), (10, 200, 10)
    pixels[3:, :4], pixels[3:, 4:] = (10, 10, 200), (120, 120, 120)
    return pixels


def write(path: Path, pixels: np.ndarray, deep: bool = False, **options: bool) -> Path:
    """Write (H, W[, C]) by SimpleITK, flat or with a depth of 1."""
    image = sitk.GetImageFromArray(pixels[None] if deep else pixels, isVector=pixels.ndim == 3)
    sitk.WriteImage(image, str(path), **options)
    return path


def seen(path: Path, **kwargs: int) -> np.ndarray:
    return FundusReader(**kwargs)(path).transpose(1, 2, 0)


def refusal(path: Path, **kwargs: int) -> str:
    with pytest.raises(UnreadableImageError, match=rf"^{path.name}: expected [^\n]*$") as caught:
        seen(path, **kwargs)
    assert caught.value.__cause__ is None
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("deep", [False, True])
def test_round_trip(tmp_path: Path, name: str, deep: bool) -> None:
    got = seen(write(tmp_path / name, picture(), deep))
    np.testing.assert_array_equal(got, picture())
    assert got.dtype == np.uint8
    grey = picture()[..., 1]
    np.testing.assert_array_equal(seen(write(tmp_path / name, grey, deep)), np.repeat(grey[..., None], 3, axis=-1))
    values = np.linspace(0, 65535, HEIGHT * WIDTH).round().reshape(HEIGHT, WIDTH).astype(np.uint16)
    for levels in (values, values // 16):  # a dark picture stays dark
        expected = np.repeat(np.rint(levels / 257)[..., None], 3, axis=-1)
        np.testing.assert_array_equal(seen(write(tmp_path / name, levels, deep)), expected)


@pytest.mark.parametrize("name", ["eye.mha", "eye.nrrd"])
def test_compressed_and_named_otherwise(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, picture(), useCompression=True)
    np.testing.assert_array_equal(seen(path), picture())
    np.testing.assert_array_equal(seen(path.rename(tmp_path / "eye.png")), picture())


def test_nifti_named_otherwise_and_of_version_2(tmp_path: Path) -> None:
    voxels = np.ascontiguousarray(picture()[..., 1].T)[..., None]
    for name, made in (
        ("a.nii", nibabel.Nifti1Image),
        ("b.nii.gz", nibabel.Nifti2Image),
        ("c.nii", nibabel.Nifti2Image),
    ):
        nibabel.save(made(voxels, np.diag([-1, -1, 1, 1])), tmp_path / name)
        path = (tmp_path / name).rename(tmp_path / "eye.jpg")
        np.testing.assert_array_equal(seen(path)[..., 0], picture()[..., 1])


def test_big_endian_nifti(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, WIDTH * HEIGHT).round().astype(">u2").reshape(WIDTH, HEIGHT, 1)
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.uint16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1, -1, 1, 1]), header), tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes()[:4] == (348).to_bytes(4, "big")
    np.testing.assert_array_equal(seen(tmp_path / "a.nii")[..., 0], np.rint(values[..., 0].T / 257))


def test_packed_colours_and_alpha_in_nifti(tmp_path: Path) -> None:
    red_green_blue = np.dtype([(name, "u1") for name in "RGB"])
    voxels = np.ascontiguousarray(picture().transpose(1, 0, 2)).view(red_green_blue)
    nibabel.save(nibabel.Nifti1Image(voxels.reshape(WIDTH, HEIGHT, 1), np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
    np.testing.assert_array_equal(seen(tmp_path / "a.nii"), picture())
    alpha = np.full((HEIGHT, WIDTH, 1), 255, np.uint8)
    alpha[:, :5] = 0
    path = write(tmp_path / "a.mha", np.dstack([picture(), alpha]))
    np.testing.assert_array_equal(seen(path), np.where(alpha == 0, 0, picture()))


def as_itk_snap(path: Path) -> np.ndarray:
    """The oracle: what ITK reads, turned so that x grows to the right and y downward (LPS)."""
    image = sitk.ReadImage(str(path))
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image) if image.GetDirection() == (1, 0, 0, 1) else _lifted(image)
    return sitk.GetArrayFromImage(sitk.DICOMOrient(image, "LPS"))[0]


def _lifted(image: sitk.Image) -> sitk.Image:
    lifted = sitk.JoinSeries(image)
    direction = np.eye(3)
    direction[:2, :2] = np.reshape(image.GetDirection(), (2, 2))
    lifted.SetDirection(direction.ravel().tolist())
    return lifted


AFFINES = {
    "identity": np.eye(4),
    "as stored": np.diag([-1.0, -1, 1, 1]),
    "mirrored": np.diag([1.0, -1, 1, 1]),
    "turned": np.array([[0.0, -2, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "turned back": np.array([[0.0, 2, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "oblique": np.array([[-0.9, 0.3, 0, 5], [-0.3, -0.9, 0, 7], [0, 0, -1, 0], [0, 0, 0, 1]]),
    "none": None,
}


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("flat", [False, True])
def test_nifti_is_seen_as_in_itk_snap(tmp_path: Path, name: str, flat: bool) -> None:
    voxels = np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(WIDTH, HEIGHT)
    nibabel.save(nibabel.Nifti1Image(voxels if flat else voxels[..., None], AFFINES[name]), tmp_path / "a.nii")
    np.testing.assert_array_equal(seen(tmp_path / "a.nii")[..., 0], as_itk_snap(tmp_path / "a.nii"))


def test_the_convention_worked_by_hand(tmp_path: Path) -> None:
    """RAS identity: i grows to the patient's right, the screen's left; j to the front, the screen's top."""
    voxels = np.array([[[1], [2]], [[3], [4]], [[5], [6]]], np.uint8)  # (3, 2, 1): i, j, k
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "a.nii")
    np.testing.assert_array_equal(seen(tmp_path / "a.nii")[..., 0], [[6, 4, 2], [5, 3, 1]])
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
    np.testing.assert_array_equal(seen(tmp_path / "a.nii")[..., 0], [[1, 3, 5], [2, 4, 6]])


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
@pytest.mark.parametrize("direction", [(-1, 0, 0, 1), (0, 1, 1, 0), (0, -1, 1, 0), (1, 0, 0, -1)])
@pytest.mark.parametrize("deep", [False, True])
def test_mha_and_nrrd_are_seen_as_in_itk_snap(tmp_path: Path, suffix: str, direction: tuple, deep: bool) -> None:
    image = sitk.GetImageFromArray(np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH))
    image.SetDirection(direction)
    image.SetSpacing((2, 3))
    path = tmp_path / f"a.{suffix}"
    sitk.WriteImage(_lifted(image) if deep else image, str(path))
    np.testing.assert_array_equal(seen(path)[..., 0], as_itk_snap(path))
    turned = direction[0] == 0
    assert FundusReader().facts(path)["mm_per_px"] == ((3, 2) if turned else (2, 3))


# ------------------------------------------------------------------------------------------------------------- facts


@pytest.mark.parametrize("name", IMAGES)
def test_spacing_is_a_fact_unless_it_is_the_default(tmp_path: Path, name: str) -> None:
    image = sitk.GetImageFromArray(picture()[None], isVector=True)
    sitk.WriteImage(image, str(tmp_path / name))
    assert FundusReader().facts(tmp_path / name) == no_facts()
    image.SetSpacing((0.0078125, 0.015625, 1))
    sitk.WriteImage(image, str(tmp_path / name))
    assert FundusReader().facts(tmp_path / name)["mm_per_px"] == (0.0078125, 0.015625)


def test_units_and_turned_axes_of_nifti(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((WIDTH, HEIGHT, 1), np.uint8), AFFINES["turned"])
    for unit, factor in (("mm", 1), ("micron", 0.001), ("unknown", 1), ("meter", 1000)):
        image.header.set_xyzt_units(unit)
        nibabel.save(image, tmp_path / "a.nii")
        got = FundusReader().facts(tmp_path / "a.nii")["mm_per_px"]
        assert got == pytest.approx((2 * factor, 1 * factor)), unit


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", IMAGES)
def test_volumes_and_levels_without_a_range_are_refused(tmp_path: Path, name: str) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.uint8)), str(tmp_path / name))
    assert "expected a flat picture, of depth 1, but got a volume of 5x4x3" in refusal(tmp_path / name)
    for dtype in (np.float32, np.int16, np.uint32):
        assert "8 or 16 bits" in refusal(write(tmp_path / name, np.ones((4, 5), dtype)))
    assert "2 channels" in refusal(write(tmp_path / name, np.ones((4, 5, 2), np.uint8)))
    assert "at most 19 pixels, but got 5x4" in refusal(write(tmp_path / name, np.ones((4, 5), np.uint8)), max_pixels=19)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("packed", [False, True])
def test_cut_files_raise(tmp_path: Path, name: str, packed: bool, capfd: pytest.CaptureFixture) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    path = write(tmp_path / name, noise, useCompression=packed)
    whole = path.read_bytes()
    for part in (0.05, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(part * len(whole))])
        refusal(path)
    assert str(tmp_path) not in "".join(capfd.readouterr())


def test_header_bombs_are_refused_before_anything_is_inflated(tmp_path: Path) -> None:
    voxels = nibabel.Nifti1Image(np.zeros((WIDTH, HEIGHT, 1), np.uint8), np.eye(4))
    nibabel.save(voxels, tmp_path / "a.nii")
    header = bytearray((tmp_path / "a.nii").read_bytes()[:352])
    header[42:48] = np.array([30000, 30000, 1], "<i2").tobytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(header) + bytes(10**6)))
    assert "expected at most 80000000 pixels, but got 30000x30000" in refusal(tmp_path / "bomb.nii.gz")
    header[42:48] = np.array([WIDTH, HEIGHT, 1], "<i2").tobytes()
    header[108:112] = np.array([1e12], "<f4").tobytes()
    (tmp_path / "far.nii.gz").write_bytes(gzip.compress(bytes(header) + bytes(10**6)))
    assert "expected pixels soon after the header" in refusal(tmp_path / "far.nii.gz")
    for name, old in (("eye.mha", b"DimSize = 10 6"), ("eye.nrrd", b"sizes: 3 10 6")):
        data = write(tmp_path / name, picture(), useCompression=True).read_bytes()
        assert old in data
        (tmp_path / name).write_bytes(data.replace(old, old.replace(b"10 6", b"60000 60000")))
        assert "but got 60000x60000 pixels" in refusal(tmp_path / name)


def test_pixels_in_another_file_are_refused(tmp_path: Path) -> None:
    """A header could name any file of the computer."""
    for name in ("eye.mhd", "eye.nhdr"):
        assert "expected header and pixels in one file" in refusal(write(tmp_path / name, picture()))
    (tmp_path / "secret").write_bytes(bytes(1000))
    data = write(tmp_path / "eye.mha", picture()).read_bytes()
    (tmp_path / "eye.mha").write_bytes(data.replace(b"ElementDataFile = LOCAL", b"ElementDataFile = secret"))
    assert "expected header and pixels in one file" in refusal(tmp_path / "eye.mha")
    hidden = data.replace(b"NDims", b"Comment = ElementDataFile = LOCAL\nNDims")
    for comment in (hidden, hidden.replace(b"NDims", b"Comment = " + b"x" * 70_000 + b"\nNDims")):
        (tmp_path / "eye.mha").write_bytes(comment.replace(b"\nElementDataFile = LOCAL", b"\nElementDataFile = secret"))
        assert "expected header and pixels in one file" in refusal(tmp_path / "eye.mha")
    data = write(tmp_path / "eye.nrrd", picture()).read_bytes()
    for comment in (b"", b"# " + b"x" * 70_000 + b"\n"):
        (tmp_path / "eye.nrrd").write_bytes(data.replace(b"type:", comment + b"Data File: secret\ntype:", 1))
        assert "expected header and pixels in one file" in refusal(tmp_path / "eye.nrrd")


def test_scaled_and_odd_nifti_are_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.ones((WIDTH, HEIGHT, 1), np.uint8), np.eye(4))
    image.header.set_slope_inter(2, 0)
    nibabel.save(image, tmp_path / "a.nii")
    assert "a scale factor" in refusal(tmp_path / "a.nii")
    coronal = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(np.ones((WIDTH, HEIGHT, 1), np.uint8), coronal), tmp_path / "b.nii")
    assert "expected an axial picture" in refusal(tmp_path / "b.nii")
    singular = np.diag([1.0, 0, 1, 1])
    header = nibabel.Nifti1Header()
    made = nibabel.Nifti1Image(np.ones((WIDTH, HEIGHT, 1), np.uint8), np.eye(4), header)
    nibabel.save(made, tmp_path / "c.nii")
    data = bytearray((tmp_path / "c.nii").read_bytes())
    data[280:328] = singular[:3].astype("<f4").tobytes()
    (tmp_path / "c.nii").write_bytes(bytes(data))
    assert "expected three different directions" in refusal(tmp_path / "c.nii")
    data[:4] = bytes(4)
    (tmp_path / "c.nii").write_bytes(bytes(data))
    assert "expected a NIfTI header" in refusal(tmp_path / "c.nii")
    (tmp_path / "d.nii.gz").write_bytes(gzip.compress(b"no picture at all"))
    assert "expected JPEG" in refusal(tmp_path / "d.nii.gz")
    (tmp_path / "e.nii.gz").write_bytes(b"\x1f\x8b broken")
    assert "expected JPEG" in refusal(tmp_path / "e.nii.gz")


def test_a_mask_is_no_volume(tmp_path: Path) -> None:
    path = write(tmp_path / "disc.nii", picture()[..., 0])
    with pytest.raises(UnreadableImageError, match="expected a mask as png, tif or bmp"):
        FundusReader("mask")(path)
    Image.fromarray(picture()[..., 0]).save(tmp_path / "disc.png")
    assert FundusReader("mask")(tmp_path / "disc.png").shape == (1, HEIGHT, WIDTH)
