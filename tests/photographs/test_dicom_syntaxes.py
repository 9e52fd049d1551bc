"""The reader against pydicom's own pixels, on every transfer syntax that can be written here; files of odd outer form."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import compress, get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from fundus_mtl.photographs import FundusReader, UnreadableImageError, scan_folder
from tests.photographs.dicom_files import OPHTHALMIC_16, compressed, dicom, jpeg, save

HEIGHT, WIDTH = 7, 11  # odd: values are padded
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def picture(depth: type = np.uint8, channels: int = 3) -> np.ndarray:
    shape = (HEIGHT, WIDTH, channels) if channels > 1 else (HEIGHT, WIDTH)
    return np.random.default_rng(0).integers(0, np.iinfo(depth).max + 1, shape).astype(depth)


def by_pydicom(path: Path) -> np.ndarray:
    """The oracle: (H, W, 3) levels of 8 bits, of pydicom's own decoding of the whole file."""
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.astype(float)
    levels = np.rint(pixels * 255 / (2**dataset.BitsStored - 1)).astype(np.uint8)
    return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=-1)


def shown(path: Path | str) -> np.ndarray:
    return FundusReader()(path).transpose(1, 2, 0)


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
@pytest.mark.parametrize("representation", ["OB", "OW"])
@pytest.mark.parametrize("channels", [1, 3])
def test_8_bits_native(tmp_path: Path, syntax: UID, representation: str, channels: int) -> None:
    """Big endian and OW: each pair of bytes is swapped in the file (PS3.5, annex A.3)."""
    pixels = picture(channels=channels)
    made = dicom(pixels, "RGB" if channels == 3 else "MONOCHROME2", syntax=syntax)
    if syntax == ExplicitVRBigEndian and representation == "OW":
        padded = pixels.tobytes() + b"\0" * (pixels.size % 2)
        made.PixelData = np.frombuffer(padded, "<u2").astype(">u2").tobytes()
    made["PixelData"].VR = representation
    path = save(tmp_path / "a.dcm", made)
    np.testing.assert_array_equal(shown(path), pixels if channels == 3 else np.repeat(pixels[..., None], 3, axis=-1))
    np.testing.assert_array_equal(shown(path), by_pydicom(path))


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_native(tmp_path: Path, syntax: UID, channels: int) -> None:
    pixels = picture(np.uint16, channels)
    stored = pixels.astype(">u2") if syntax == ExplicitVRBigEndian else pixels
    made = dicom(stored, "RGB" if channels == 3 else "MONOCHROME2", syntax=syntax, kind=OPHTHALMIC_16)
    path = save(tmp_path / "a.dcm", made)
    expected = np.rint(pixels / 257)
    np.testing.assert_array_equal(
        shown(path), expected if channels == 3 else np.repeat(expected[..., None], 3, axis=-1)
    )
    np.testing.assert_array_equal(shown(path), by_pydicom(path))


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
def test_each_frame_native(tmp_path: Path, syntax: UID) -> None:
    frames = np.stack([picture(), 255 - picture(), picture()[::-1]])[:, :, :10]
    made = dicom(np.ascontiguousarray(frames), syntax=syntax)
    if syntax == ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(frames.tobytes(), "<u2").astype(">u2").tobytes()
        made["PixelData"].VR = "OW"
    path = save(tmp_path / "a.dcm", made)
    for number, frame in enumerate(pydicom.dcmread(path).pixel_array, start=1):
        np.testing.assert_array_equal(frame, frames[number - 1])
        np.testing.assert_array_equal(shown(f"{path}#{number}"), frame)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEGLSNearLossless], ids=lambda uid: uid.name)
@pytest.mark.parametrize("depth, channels", [(np.uint8, 3), (np.uint8, 1), (np.uint16, 1)])
def test_compressed_by_pydicom(tmp_path: Path, syntax: UID, depth: type, channels: int) -> None:
    if not get_decoder(syntax).is_available:
        pytest.skip("no decoder for it")
    pixels = picture(depth, channels) // 16  # CharLS' encoder has no room for a small picture of pure noise
    made = dicom(pixels, "RGB" if channels == 3 else "MONOCHROME2", kind=OPHTHALMIC_16)
    error = {"jls_error": 3} if syntax == JPEGLSNearLossless else {}
    compress(made, syntax, generate_instance_uid=False, **error)
    path = save(tmp_path / "a.dcm", made)
    np.testing.assert_array_equal(shown(path), by_pydicom(path))


def code_stream(pixels: np.ndarray, lossless: bool) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True, irreversible=not lossless)
    return stream.getvalue()


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEG2000], ids=lambda uid: uid.name)
@pytest.mark.parametrize("depth, channels", [(np.uint8, 3), (np.uint8, 1), (np.uint16, 1)])
def test_jpeg_2000(tmp_path: Path, syntax: UID, depth: type, channels: int) -> None:
    pixels = picture(depth, channels)
    lossless = syntax == JPEG2000Lossless
    photometric = "MONOCHROME2" if channels == 1 else "YBR_RCT" if lossless else "YBR_ICT"
    bits = 8 * pixels.itemsize
    made = compressed(
        [code_stream(pixels, lossless)], pixels.shape[:2], photometric, syntax, BitsAllocated=bits, BitsStored=bits
    )
    path = save(tmp_path / "a.dcm", made)
    np.testing.assert_array_equal(shown(path), by_pydicom(path))


def test_jpeg_baseline(tmp_path: Path) -> None:
    for pixels, photometric in ((picture(), "YBR_FULL"), (picture(channels=1), "MONOCHROME2")):
        path = save(tmp_path / "a.dcm", compressed([jpeg(pixels)], pixels.shape[:2], photometric, JPEGBaseline8Bit))
        assert np.abs(shown(path).astype(int) - by_pydicom(path)).max() <= 1  # two colour conversions that round


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGBaseline8Bit], ids=lambda uid: uid.name
)
@pytest.mark.parametrize("fragments", [1, 3])
def test_cut_frames_fail(tmp_path: Path, syntax: UID, fragments: int) -> None:
    """Also in several fragments, and where the rest is filled up."""
    from pydicom.encaps import encapsulate, get_frame

    if not get_decoder(syntax).is_available:
        pytest.skip("no decoder for it")
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    made = dicom(pixels)
    if syntax in (RLELossless, JPEGLSLossless):
        compress(made, syntax, generate_instance_uid=False)
        frame = get_frame(made.PixelData, 0, number_of_frames=1)
    else:
        frame = jpeg(pixels) if syntax == JPEGBaseline8Bit else code_stream(pixels, True)
    photometric = {JPEG2000Lossless: "YBR_RCT", JPEGBaseline8Bit: "YBR_FULL"}.get(syntax, "RGB")

    def file(frame: bytes) -> Path:
        made = compressed([frame + b"\0" * (len(frame) % 2)], (40, 30), photometric, syntax)
        made.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)], fragments_per_frame=fragments)
        made.PlanarConfiguration = 0
        made["PixelData"].is_undefined_length = True
        return save(tmp_path / "a.dcm", made)

    whole = shown(file(frame))
    if syntax != JPEGBaseline8Bit:
        np.testing.assert_array_equal(whole, pixels)
    for part in (0.2, 0.5, 0.8, 0.95):
        cut = frame[: int(part * len(frame))]
        for tail in (b"", b"\xff\xd9"):
            path = file(cut.removesuffix(b"\xff") + tail)
            start = time.process_time()
            with pytest.raises(UnreadableImageError, match=r"^a\.dcm: expected [^\n]*$"):
                FundusReader()(path)
            assert time.process_time() - start < 1, "a decoder looked for the end in other memory"


# --------------------------------------------------------------------------------------------------------- outer forms


def test_without_the_preamble(tmp_path: Path) -> None:
    path = save(tmp_path / "eye.ima", dicom(picture(), ImageLaterality="R"))
    path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(shown(path), picture())
    assert FundusReader().facts(path)["laterality"] == "R"
    assert scan_folder(tmp_path) == [{"id": "eye.ima", "image": str(path)}]


@pytest.mark.parametrize("implicit", [False, True])
def test_without_meta_information_it_is_refused_by_name(tmp_path: Path, implicit: bool) -> None:
    """Nothing then says how the bytes are to be read."""
    made = dicom(picture())
    stream = io.BytesIO()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.save_as(stream, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    (tmp_path / "IM1").write_bytes(stream.getvalue())
    (item,) = scan_folder(tmp_path)
    assert item["error"] == "expected a DICOM with its transfer syntax, but got none; export it again."


def test_a_second_picture_behind_the_first_is_refused(tmp_path: Path) -> None:
    """A header that has lost its number of frames; padding is less than a picture."""
    made = dicom(picture())
    made.PixelData += bytes(100)
    np.testing.assert_array_equal(shown(save(tmp_path / "a.dcm", made)), picture())
    made = dicom(np.stack([picture(), picture()]))
    del made.NumberOfFrames
    with pytest.raises(UnreadableImageError, match=r"^a\.dcm: expected 231 bytes of pixels, but got 462"):
        FundusReader()(save(tmp_path / "a.dcm", made))


def test_pixels_of_another_kind_are_none(tmp_path: Path) -> None:
    made = dicom(picture())
    del made.PixelData
    made.FloatPixelData = np.zeros(HEIGHT * WIDTH * 3, np.float32).tobytes()
    path = save(tmp_path / "a.dcm", made)
    with pytest.raises(UnreadableImageError, match="ends before its pixels"):
        FundusReader()(path)


def test_a_header_without_end_is_refused(tmp_path: Path) -> None:
    """Four million bytes of header at most: each element takes time."""
    made = dicom(picture())
    made.add_new((0x0009, 0x0010), "LO", "OWN")
    made.add_new((0x0009, 0x1001), "OB", bytes(2**22))
    with pytest.raises(UnreadableImageError, match=r"^a\.dcm: expected"):
        FundusReader()(save(tmp_path / "a.dcm", made))


def test_very_many_fragments_are_refused(tmp_path: Path) -> None:
    made: Dataset = compressed([jpeg(picture())], (HEIGHT, WIDTH), "YBR_FULL", JPEGBaseline8Bit)
    made.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" * (2**16 + 2)
    with pytest.raises(UnreadableImageError, match="expected at most 65536 fragments"):
        FundusReader()(save(tmp_path / "a.dcm", made))
