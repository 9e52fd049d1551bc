"""FundusReader: what a person sees at (x, y) is the tensor's [:, y, x], whatever the file; refusals are one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from monai.transforms import LoadImage
from PIL import Image, PngImagePlugin

from fundus_mtl.photographs import FundusReader, UnreadableImageError

# MONAI's LoadImage makes all of MONAI's readers, and this one, which comes with pydicom, warns without a GPU.
pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader:UserWarning")

HEIGHT, WIDTH = 24, 40


def picture() -> np.ndarray:
    """(24, 40, 3): each quadrant has its own colour, and no flip or turn maps the picture to itself."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:12, :20], pixels[:12, 20:] = (200, 10, 10), (10, 200, 10)
    pixels[12:, :20], pixels[12:, 20:] = (10, 10, 200), (120, 120, 120)
    return pixels


# The stored picture that a viewer turns into `picture()`, by orientation: EXIF 2.32, table of tag 0x0112.
# The value says what the stored first row and first column are in the picture seen.
STORED = {
    1: lambda seen: seen,  # row 0 = top, column 0 = left
    2: lambda seen: seen[:, ::-1],  # top, right
    3: lambda seen: seen[::-1, ::-1],  # bottom, right
    4: lambda seen: seen[::-1],  # bottom, left
    5: lambda seen: seen.transpose(1, 0, 2),  # left, top
    6: lambda seen: seen.transpose(1, 0, 2)[::-1],  # right, top
    7: lambda seen: seen.transpose(1, 0, 2)[::-1, ::-1],  # right, bottom
    8: lambda seen: seen.transpose(1, 0, 2)[:, ::-1],  # left, bottom
}


def read(path: Path, mode: str = "image", **kwargs: int) -> np.ndarray:
    reader = FundusReader(mode, **kwargs)
    return reader.get_data(reader.read(path))[0]


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_every_orientation_is_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"eye.{suffix}"
    quality = {"quality": 95, "subsampling": 0} if suffix == "jpg" else {}
    Image.fromarray(np.ascontiguousarray(STORED[orientation](picture()))).save(path, exif=exif, **quality)
    seen = read(path)
    assert seen.shape == (3, HEIGHT, WIDTH)
    difference = np.abs(seen.astype(int) - picture().transpose(2, 0, 1))
    assert np.median(difference) <= 3
    assert seen.transpose(1, 2, 0).flags.c_contiguous  # as decoded, without a copy
    assert seen.flags.writeable
    for x, y in ((5, 3), (35, 3), (5, 20), (35, 20)):
        assert np.abs(seen[:, y, x].astype(int) - picture()[y, x]).max() <= 6


@pytest.mark.parametrize("orientation", STORED)
def test_masks_turn_with_their_photographs(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    mask = (picture()[..., :1] > 100).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(STORED[orientation](mask)[..., 0])).save(tmp_path / "disc.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "disc.png", "mask"), mask.transpose(2, 0, 1))


@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage that is no TIFF", b"Exif\x00\x00"])
def test_unreadable_exif_means_upright(tmp_path: Path, exif: bytes) -> None:
    Image.fromarray(picture()).save(tmp_path / "eye.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "eye.png"), picture().transpose(2, 0, 1))


def test_illegal_orientation_means_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    Image.fromarray(picture()).save(tmp_path / "eye.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "eye.png"), picture().transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp"])
def test_every_lossless_format(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(picture()).save(tmp_path / f"eye.{suffix}")
    np.testing.assert_array_equal(read(tmp_path / f"eye.{suffix}"), picture().transpose(2, 0, 1))


def test_metadata_and_plain_monai_loading(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "eye.tif")
    loaded = LoadImage(reader=FundusReader(), ensure_channel_first=True, dtype=np.uint8)(tmp_path / "eye.tif")
    assert loaded.shape == (3, HEIGHT, WIDTH)
    assert loaded.dtype == torch.uint8
    assert loaded[:, 3, 35].tolist() == [10, 200, 10]
    assert list(loaded.meta["spatial_shape"]) == [HEIGHT, WIDTH]
    assert torch.equal(loaded.affine, torch.eye(4, dtype=torch.float64))
    assert loaded.meta["original_channel_dim"] == 0
    assert loaded.meta["filename_or_obj"] == str(tmp_path / "eye.tif")
    by_suffix = FundusReader().verify_suffix
    assert all(
        by_suffix(f"a.{suffix}") for suffix in ("jpg", "JPG", "jpeg", "png", "tif", "tiff", "bmp", "dcm", "nii.gz")
    )
    assert not by_suffix("a.gif")


def test_pixels_by_path_and_by_sample(tmp_path: Path) -> None:
    """Reports read the photograph again, from its path or from what went through the transforms."""
    Image.fromarray(picture()).save(tmp_path / "eye.png")
    reader = FundusReader()
    np.testing.assert_array_equal(reader(tmp_path / "eye.png"), picture().transpose(2, 0, 1))
    image = LoadImage(reader=reader)(tmp_path / "eye.png")[:, :5]
    np.testing.assert_array_equal(reader.of_sample({"image": image}), picture())


def grey() -> np.ndarray:
    return np.arange(HEIGHT * WIDTH, dtype=np.uint32).reshape(HEIGHT, WIDTH)


def save(path: Path, kind: str) -> np.ndarray:
    """Write a picture of one kind, and return what is to be seen, (H, W, 3), computed without Pillow."""
    level = (grey() % 256).astype(np.uint8)
    three = np.repeat(level[..., None], 3, axis=-1)
    alpha = np.full_like(level, 255)
    alpha[:, :10] = 0
    if kind == "grey":
        Image.fromarray(level).save(path)
        return three
    if kind == "1-bit":
        Image.fromarray(level > 128).save(path)
        return np.where(three > 128, 255, 0)
    if kind == "grey and alpha":
        Image.fromarray(np.dstack([level, alpha])).save(path)
        return np.where(alpha[..., None] == 0, 0, three)
    if kind == "colour and alpha":
        alpha[:, 10:20] = 50  # 10 * 50 / 255 = 1.96: rounded, not cut
        Image.fromarray(np.dstack([picture(), alpha])).save(path)
        return np.rint(picture() * (alpha[..., None] / 255.0))
    if kind == "transparent colour":
        Image.fromarray(picture()).save(path, transparency=(120, 120, 120))
        return np.where((picture() == 120).all(-1, keepdims=True), 0, picture())
    if kind.startswith("palette"):
        indexed = Image.fromarray(level % 3)
        indexed.putpalette([9, 8, 7, 100, 0, 50, 1, 2, 3])
        indexed = indexed if indexed.mode == "P" else indexed.convert("P")
        indexed.save(path, **({"transparency": 1} if "transparent" in kind else {}))
        colours = np.array([[9, 8, 7], [0, 0, 0] if "transparent" in kind else [100, 0, 50], [1, 2, 3]])
        return colours[level % 3]
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    ["grey", "1-bit", "grey and alpha", "colour and alpha", "transparent colour", "palette", "palette, transparent"],
)
def test_every_mode_becomes_rgb(tmp_path: Path, kind: str) -> None:
    seen = save(tmp_path / "eye.png", kind)
    got = read(tmp_path / "eye.png")
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, seen.transpose(2, 0, 1))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    """No ink is white; full black ink is black; full cyan takes the red away."""
    inks = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    inks[:, :10, 3], inks[:, 10:20, 0] = 255, 255
    for suffix, tolerance in (("tif", 0), ("jpg", 4)):
        Image.frombytes("CMYK", (WIDTH, HEIGHT), inks.tobytes()).save(tmp_path / f"eye.{suffix}")
        got = read(tmp_path / f"eye.{suffix}").astype(int)
        for column, colour in ((4, (0, 0, 0)), (15, (0, 255, 255)), (30, (255, 255, 255))):
            assert np.abs(got[:, 12, column] - colour).max() <= tolerance


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("top", [65535, 4095])
def test_16_bit_grey_is_scaled_from_the_container(tmp_path: Path, suffix: str, top: int) -> None:
    """65535 is 255 and 32896 is 128; a dark picture stays dark (12 bits in 16 reach 16), never stretched."""
    values = np.linspace(0, top, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).round().astype(np.uint16)
    Image.fromarray(values).save(tmp_path / f"eye.{suffix}")
    got = read(tmp_path / f"eye.{suffix}")
    np.testing.assert_array_equal(got, np.repeat(np.rint(values / 257)[None], 3, axis=0))
    assert got.max() == (255 if top == 65535 else 16)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_colour_keeps_its_upper_byte(tmp_path: Path, byteorder: str, compression: str | None) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", byteorder=byteorder, compression=compression)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), (values // 256).transpose(2, 0, 1))


def test_16_bit_colour_png(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    values = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    np.testing.assert_array_equal(read(tmp_path / "a.png"), (values // 256).transpose(2, 0, 1))
    with pytest.raises(UnreadableImageError, match="16-bit colour"):
        read(tmp_path / "a.png", "mask")


@pytest.mark.parametrize("options", [{"planarconfig": "separate"}, {"photometric": "miniswhite"}])
def test_16_bit_tiffs_that_pillow_misreads_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    separate = "planarconfig" in options
    values = np.random.default_rng(0).integers(0, 65536, (3, HEIGHT, WIDTH) if separate else (HEIGHT, WIDTH))
    tifffile.imwrite(
        tmp_path / "a.tif", values.astype(np.uint16), **({"photometric": "rgb"} if separate else {}), **options
    )
    with pytest.raises(UnreadableImageError, match=r"a\.tif: expected 8 bits a channel"):
        read(tmp_path / "a.tif")


def test_8_bit_tiff_with_separate_planes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture().transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), picture().transpose(2, 0, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_levels_without_a_range_are_refused(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", grey().astype(dtype))
    with pytest.raises(UnreadableImageError, match="expected"):
        read(tmp_path / "a.tif")


def test_masks_keep_their_values(tmp_path: Path) -> None:
    values = (grey() % 3).astype(np.uint8)
    indexed = Image.fromarray(values)
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    indexed.save(tmp_path / "palette.png")
    indexed.save(tmp_path / "palette.bmp")
    indexed.save(tmp_path / "transparent.png", transparency=1)
    Image.fromarray(values).save(tmp_path / "grey.tif")
    Image.fromarray(np.repeat(values[..., None], 3, axis=-1)).save(tmp_path / "colour.bmp")
    Image.fromarray(values.astype(np.uint16)).save(tmp_path / "deep.png")
    for name in ("palette.png", "palette.bmp", "transparent.png", "grey.tif", "colour.bmp", "deep.png"):
        got = read(tmp_path / name, "mask")
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, values[None], err_msg=name)
    for name in ("bit.png", "bit.tif", "bit.bmp"):
        Image.fromarray(values == 1).save(tmp_path / name)
        np.testing.assert_array_equal(read(tmp_path / name, "mask"), (values == 1)[None], err_msg=name)


@pytest.mark.parametrize(
    "array, name, message",
    [
        (picture(), "disc.png", "but got colours"),
        (np.dstack([picture()[..., 0]] * 3 + [picture()[..., 1]]), "disc.png", "transparent pixels"),
        (grey().astype(np.uint16), "disc.png", "values up to 255, but got 959"),
        (picture()[..., 0], "disc.jpg", "without loss"),
    ],
)
def test_masks_that_are_none_are_refused(tmp_path: Path, array: np.ndarray, name: str, message: str) -> None:
    Image.fromarray(array).save(tmp_path / name)
    with pytest.raises(UnreadableImageError, match=f"^{name}: expected .*{message}"):
        read(tmp_path / name, "mask")


@pytest.mark.parametrize(
    "suffix, options", [("jpg", {}), ("png", {}), ("bmp", {}), ("tif", {"compression": "tiff_lzw"})]
)
def test_truncated_files_raise(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(noise).save(path, **options)
    whole = path.read_bytes()
    for part in (0.0, 0.01, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(UnreadableImageError, match=rf"^eye\.{suffix}: expected [^\n]*$"):
            read(path)


def test_errors_name_the_file_and_not_its_folder(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "animated.gif")
    (tmp_path / "animated.gif").rename(tmp_path / "eye.png")
    (tmp_path / "folder.jpg").mkdir()
    for name, message in (
        ("eye.png", "expected JPEG"),
        ("none.png", "there is none"),
        ("folder.jpg", "cannot be decoded"),
    ):
        with pytest.raises(UnreadableImageError, match=f"^{name}: .*{message}") as caught:
            read(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)
        assert caught.value.__cause__ is None  # reports go to the bottom of the chain


def test_pixel_cap_is_checked_before_decoding(tmp_path: Path) -> None:
    """The file is cut right after its header: only a reader that looks no further can name the size."""
    path = tmp_path / "eye.png"
    Image.fromarray(picture()).save(path)
    assert read(path, max_pixels=HEIGHT * WIDTH).shape == (3, HEIGHT, WIDTH)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableImageError, match="at most 959 pixels, but got 40x24 pixels"):
        read(path, max_pixels=HEIGHT * WIDTH - 1)


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_bombs_are_refused(tmp_path: Path, side: int) -> None:
    """100 and 900 million pixels, over the limits at which Pillow warns and raises."""
    path = tmp_path / "bomb.png"
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        header = side.to_bytes(4, "big") * 2 + b"\x08\x00\x00\x00\x00"
        PngImagePlugin.putchunk(file, b"IHDR", header)
        PngImagePlugin.putchunk(file, b"IDAT", b"")
    with pytest.raises(UnreadableImageError, match=r"^bomb\.png: expected at most 80000000 pixels, but got"):
        read(path)


def test_pages_are_refused(tmp_path: Path) -> None:
    one = Image.fromarray(picture())
    one.save(tmp_path / "a.tif", save_all=True, append_images=[one])
    with pytest.raises(UnreadableImageError, match="but got 2 pages"):
        read(tmp_path / "a.tif")


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="mode: expected image or mask, but got 'rgb'"):
        FundusReader("rgb")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_pixels"):
        FundusReader(max_pixels=0)
    with pytest.raises(ValueError, match="expected one file and no options, but got 2 files"):
        FundusReader().read(["a.png", "b.png"])
