"""Headers of mha and nrrd: pixels come from the same file, exactly as many bytes as promised, or the file is refused."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from fundus_mtl.photographs import FundusReader, UnreadableImageError
from tests.photographs.volume_files import (
    HEIGHT,
    WIDTH,
    deflated,
    grey,
    gzipped,
    mha,
    nrrd,
    opened_files,
    packed_mha,
)

SECRET = bytes(range(7, 207)) * 5
ELSEWHERE = [
    "../secret.bin",
    "secret.bin",
    "LOCAL/../secret.bin",
    "LOCAL/../../secret.bin",
    "LOCAL.raw",
    "local.raw",
    "LOCAL secret.bin",
    "LIST",
    "LIST 2",
    "slice%03d.raw 1 3 1",
    "/dev/zero",
    "pipe",
    "",
]
FIELDS = ["data file", "Data File", "datafile", "DATAFILE", "data  file", "data file "]
HIDDEN = [
    "\rdata file: {}",
    "encoding: raw\rdata file: {}",
    "# x\rdata file: {}",
    "\x0bdata file: {}",
    "\x85data file: {}",
]


def refusal(path: Path) -> str:
    """Read and ask for the facts; return why the pixels are refused, after a look at what was opened."""
    with opened_files() as opened, pytest.raises(UnreadableImageError, match=rf"^{path.name}: expected [^\n]*$") as why:
        FundusReader()(path)
    assert {name for name in opened if "/lib/" not in name} == {str(path)}
    with suppress(UnreadableImageError):
        FundusReader().facts(path)
    return str(why.value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Lay a secret, a pipe and links around the folder that the header lies in."""
    folder = tmp_path / "in"
    (folder / "LOCAL").mkdir(parents=True)
    for name in ("secret.bin", "in/secret.bin", "in/slice001.raw"):
        (tmp_path / name).write_bytes(SECRET)
    (folder / "LOCAL.raw").symlink_to(tmp_path / "secret.bin")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize("target", ELSEWHERE)
def test_an_mha_that_names_another_file_is_refused(place: Path, target: str) -> None:
    assert "expected header and pixels in one file" in refusal(mha(place / "a.mha", end=f"ElementDataFile = {target}"))


@pytest.mark.parametrize(
    "line",
    [
        "ElementDataFile = LOCAL\nElementDataFile = secret.bin",  # the first ends the header: bytes too many
        "Comment = x\rElementDataFile = secret.bin",
        "Comment = x\x0bElementDataFile = secret.bin",
        "Comment = x\0ElementDataFile = secret.bin",
        "HeaderSize = -1",
        "HeaderSize = 8",
        "BinaryData = False",
        "DimSize = 2 2",
        "ElementDataFile",
        "ObjectType = Scene",
        "CompressedData = perhaps",
        "ElementNumberOfChannels = 0",
        "ElementNumberOfChannels = 1 1",
        "ElementSpacing = nan 1",
        "ElementSpacing = 1e999 1",
        "TransformMatrix = 1 0 0",
        "TransformMatrix = 0 0 0 0",
        "TransformMatrix = 1 3 0 1",
        "TransformMatrix = 2 0 0 2",
        "NDims = 2",
        "BinaryDataByteOrderMSB = False\nElementByteOrderMSB = True",
    ],
)
def test_an_mha_that_is_not_plain_is_refused(place: Path, line: str) -> None:
    refusal(mha(place / "a.mha", line))


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("target", ["../secret.bin", "LIST", "/dev/zero", "pipe", "slice%03d.raw 1 3 1"])
def test_an_nrrd_that_names_another_file_is_refused(place: Path, name: str, target: str) -> None:
    refusal(nrrd(place / "a.nrrd", f"{name}: {target}"))


@pytest.mark.parametrize("line", HIDDEN)
def test_an_nrrd_that_hides_another_file_is_refused(place: Path, line: str) -> None:
    """ITK takes a lone carriage return for a line end."""
    refusal(nrrd(place / "a.nrrd", line.format("../secret.bin"), pixels=SECRET[: HEIGHT * WIDTH]))


@pytest.mark.parametrize(
    "line",
    [
        "byte skip: -1",
        "byte skip: 4",
        "line skip: 1",
        "encoding: gzip",
        "sizes: 5 5",
        "kinds: domain vector",
        "kinds: vector vector",
        "kinds: domain",
        "kinds: HSV-color domain",
        "space directions: (1,0)",
        "space directions: (1,0.1) (0,1)",
        "space directions: (1,0) (0,1) (1,1)",
        "space directions: (1,0) x (0,1)",
        "space directions: (nan,0) (0,1)",
        "space: scanner-xyz\nspace directions: (1,0) (0,1)",
        "spacings: 1",
        "future field: x",
        "no field",
    ],
)
def test_an_nrrd_that_is_not_plain_is_refused(place: Path, line: str) -> None:
    refusal(nrrd(place / "a.nrrd", line))


def test_16_bits_need_an_order_of_bytes(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", pixels=bytes(2 * HEIGHT * WIDTH))
    path.write_bytes(path.read_bytes().replace(b"unsigned char", b"uint16"))
    assert "expected big or little as endian" in refusal(path)


@pytest.mark.parametrize("number", ["99999999999999999999999", "-3", "1e3", "3.0", "٣", "0"])
def test_sizes_are_plain_whole_numbers(tmp_path: Path, number: str) -> None:
    for path in (mha(tmp_path / "a.mha"), nrrd(tmp_path / "a.nrrd")):
        path.write_bytes(path.read_bytes().replace(f" {WIDTH} ".encode(), f" {number} ".encode()))
        refusal(path)


def shown(path: Path) -> np.ndarray:
    with opened_files() as opened:
        pixels = FundusReader()(path)
    assert {name for name in opened if "/lib/" not in name} <= {str(path)}
    assert (pixels == pixels[:1]).all()
    return pixels[0]


@pytest.mark.parametrize("name", ["mha", "nrrd"])
def test_plain_headers_are_read(tmp_path: Path, name: str) -> None:
    """Also with the line ends of Windows, comments, and fields of one's own."""
    write = {"mha": mha, "nrrd": nrrd}[name]
    own = {
        "mha": ["Comment = é, x", "Modality = MET_MOD_OTHER"],
        "nrrd": ["# é", "my key:=data file: x", "content: eye"],
    }
    path = write(tmp_path / f"a.{name}", *own[name])
    np.testing.assert_array_equal(shown(path), grey())
    head, pixels = path.read_bytes()[: -grey().size], grey().tobytes()
    path.write_bytes(head.replace(b"\n", b"\r\n") + pixels)
    np.testing.assert_array_equal(shown(path), grey())


def test_big_endian_and_channels_elsewhere(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, HEIGHT * WIDTH).round().reshape(HEIGHT, WIDTH).astype(np.uint16)
    expected = np.rint(values / 257)
    path = mha(tmp_path / "a.mha", "BinaryDataByteOrderMSB = True", pixels=values.astype(">u2").tobytes())
    path.write_bytes(path.read_bytes().replace(b"MET_UCHAR", b"MET_USHORT"))
    np.testing.assert_array_equal(shown(path), expected)
    path = nrrd(tmp_path / "a.nrrd", "endian: big", pixels=values.astype(">u2").tobytes())
    path.write_bytes(path.read_bytes().replace(b"unsigned char", b"ushort"))
    np.testing.assert_array_equal(shown(path), expected)
    planes = np.stack([grey(), grey() + 1, grey() + 2])  # the slowest axis
    path = nrrd(tmp_path / "b.nrrd", "kinds: domain domain RGB-color", pixels=planes.tobytes())
    head = path.read_bytes().replace(b"dimension: 2", b"dimension: 3").replace(b"sizes: 10 6", b"sizes: 10 6 3")
    path.write_bytes(head)
    np.testing.assert_array_equal(FundusReader()(path), planes)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).transpose(2, 0, 1), planes)


@pytest.mark.parametrize("space", ["left-posterior-superior", "RAS", "left-anterior-superior"])
def test_spaces_of_nrrd_are_those_of_itk(tmp_path: Path, space: str) -> None:
    path = nrrd(tmp_path / "a.nrrd", f"space: {space}", "space directions: (0,2,0) (3,0,0) (0,0,1)")
    path.write_bytes(path.read_bytes().replace(b"dimension: 2", b"dimension: 3").replace(b"10 6", b"10 6 1"))
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    np.testing.assert_array_equal(shown(path), sitk.GetArrayFromImage(image)[0])
    assert FundusReader().facts(path)["mm_per_px"] == image.GetSpacing()[:2] == (3, 2)


# ------------------------------------------------------------------------------------------------- exactly these bytes


@pytest.mark.parametrize("change", [b"", b"x", b"\n", bytes(1000)])
def test_raw_pixels_are_exactly_as_many_as_promised(tmp_path: Path, change: bytes) -> None:
    pixels = grey().tobytes()
    for write, name in ((mha, "a.mha"), (nrrd, "a.nrrd")):
        assert "60 bytes after the header, but got 59" in refusal(write(tmp_path / name, pixels=pixels[:-1]))
        if change:
            assert "60 bytes after the header, but got" in refusal(write(tmp_path / name, pixels=pixels + change))


def rotten(packed: bytes) -> bytes:
    return packed[:20] + bytes(value ^ 0x5A for value in packed[20:30]) + packed[30:]


@pytest.mark.parametrize(
    "harm, message",
    [
        (lambda pack, data: rotten(pack(data)), "expected"),
        (lambda pack, data: pack(data)[:-1], "expected 60 bytes of inflated pixels, but got 60 and no end"),
        (lambda pack, data: pack(data)[:-9], "expected 60 bytes of inflated pixels"),
        (lambda pack, data: pack(data[:-1]), "expected 60 bytes of inflated pixels, but got 59"),
        (lambda pack, data: pack(data + b"x"), "expected 60 bytes of inflated pixels, but got more"),
        (lambda pack, data: pack(bytes(10**7)), "expected 60 bytes of inflated pixels, but got more"),
        (lambda pack, data: pack(data) + b"x", "but got bytes after its end"),
        (lambda pack, data: pack(data[:30]) + pack(data[30:]), "expected 60 bytes of inflated pixels, but got 30"),
        (lambda pack, data: pack(data)[:-4] + bytes(4), "expected"),  # checksum
        (lambda pack, data: b"", "expected 60 bytes of inflated pixels, but got 0"),
    ],
)
def test_compressed_pixels_are_exactly_as_many_as_promised(tmp_path: Path, harm, message: str) -> None:
    """ITK leaves the memory as it is where a stream does not inflate: somebody else's picture."""
    data = grey().tobytes()
    for pack, write in (
        (deflated, packed_mha),
        (gzipped, lambda path, packed: nrrd(path, pixels=packed, encoding="gzip")),
    ):
        path = write(tmp_path / "a", pack(data))
        np.testing.assert_array_equal(shown(path), grey())
        with pytest.raises(UnreadableImageError, match=message):
            FundusReader()(write(tmp_path / "b", harm(pack, data)))


def test_the_compressed_size_is_that_of_the_rest(tmp_path: Path) -> None:
    packed = deflated()
    for size in (0, len(packed) - 1, len(packed) + 1, 2**31 - 1):
        lines = ("CompressedData = True", f"CompressedDataSize = {size}")
        assert f"expected {size} bytes after the header" in refusal(mha(tmp_path / "a.mha", *lines, pixels=packed))
    assert "whole numbers as CompressedDataSize" in refusal(
        mha(tmp_path / "a.mha", "CompressedData = True", pixels=packed)
    )
