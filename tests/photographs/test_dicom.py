"""FundusReader on DICOM: each way of storing a picture gives the pixels that were put in, or one sentence."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import compress, get_decoder
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from fundus_mtl.photographs import FundusReader, UnreadableImageError
from tests.photographs.dicom_files import (
    CANARY,
    OPHTHALMIC_16,
    SECONDARY_CAPTURE,
    TOMOGRAPHY,
    compressed,
    dicom,
    jpeg,
    jpeg_photograph,
    jpeg_with_marker,
    save,
)

HEIGHT, WIDTH = 6, 10


def picture() -> np.ndarray:
    """(6, 10, 3): four quadrants of different colours, no flip or turn maps it to itself."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:3, :4], pixels[:3, 4:] = (200, 10, 10), (10, 200, 10)
    pixels[3:, :4], pixels[3:, 4:] = (10, 10, 200), (120, 120, 120)
    return pixels


def ybr(rgb: np.ndarray) -> np.ndarray:
    """The standard's formula (PS3.3, C.7.6.3.1.2), rounded."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = (luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402)
    return np.stack(channels, axis=-1).round().clip(0, 255).astype(np.uint8)


def grey(bits: int) -> np.ndarray:
    """(6, 10) from 0 to the highest value of so many bits."""
    return np.linspace(0, 2**bits - 1, HEIGHT * WIDTH).round().reshape(HEIGHT, WIDTH).astype(np.uint16)


def seen(made: Dataset, tmp_path: Path, **kwargs: int) -> np.ndarray:
    """(H, W, 3) as the reader shows it, from a file whose name tells nothing."""
    return FundusReader(**kwargs)(save(tmp_path / "eye.jpg", made)).transpose(1, 2, 0)


def refusal(made: Dataset, tmp_path: Path, **kwargs: int) -> str:
    with pytest.raises(UnreadableImageError, match=r"^eye\.jpg: expected [^\n]*$") as caught:
        seen(made, tmp_path, **kwargs)
    assert caught.value.__cause__ is None
    assert CANARY not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, None])
def test_rgb_in_every_order_of_bytes_and_planes(tmp_path: Path, planar: int, syntax: UID | None) -> None:
    stored = picture().transpose(2, 0, 1) if planar else picture()
    made = dicom(stored.tobytes(), "RGB", Rows=HEIGHT, Columns=WIDTH, PlanarConfiguration=planar)
    made.file_meta.TransferSyntaxUID = syntax or made.file_meta.TransferSyntaxUID
    got = seen(made, tmp_path)
    np.testing.assert_array_equal(got, picture())
    assert got.dtype == np.uint8


@pytest.mark.parametrize("kind, modality", [(SECONDARY_CAPTURE, "XC"), (SECONDARY_CAPTURE, ""), (OPHTHALMIC_16, "OP")])
def test_what_is_a_photograph(tmp_path: Path, kind: UID, modality: str) -> None:
    np.testing.assert_array_equal(seen(dicom(picture(), kind=kind, Modality=modality), tmp_path), picture())


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_is_scaled_from_the_stored_bits(tmp_path: Path, bits: int, photometric: str) -> None:
    """0 is 0 and 2**bits - 1 is 255, also where the picture does not reach it; MONOCHROME1 has white as 0."""
    for values in (grey(bits), grey(bits) // 4):
        expected = np.rint(values / (2**bits - 1) * 255)
        expected = 255 - expected if photometric == "MONOCHROME1" else expected
        stored = values.astype(np.uint8 if bits == 8 else np.uint16)
        got = seen(dicom(stored, photometric, BitsStored=bits), tmp_path)
        np.testing.assert_array_equal(got, np.repeat(expected[..., None], 3, axis=-1))


def test_16_bit_grey_in_the_other_order_of_bytes(tmp_path: Path) -> None:
    made = dicom(grey(16).astype(">u2"), "MONOCHROME2", syntax=ExplicitVRBigEndian)
    np.testing.assert_array_equal(seen(made, tmp_path)[..., 2], np.rint(grey(16) / 257))


def test_16_bit_colour_and_unused_bits(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    expected = np.rint(values / 4095 * 255)
    np.testing.assert_array_equal(seen(dicom(values, BitsStored=12, kind=OPHTHALMIC_16), tmp_path), expected)
    rubbish = values | 0x5000  # the four bits above are nobody's (PS3.5, 8.1.1)
    np.testing.assert_array_equal(seen(dicom(rubbish, BitsStored=12, kind=OPHTHALMIC_16), tmp_path), expected)


def test_ybr_full_and_422(tmp_path: Path) -> None:
    full = ybr(picture())
    assert np.abs(seen(dicom(full, "YBR_FULL"), tmp_path).astype(int) - picture()).max() <= 2
    pairs = full.reshape(HEIGHT, WIDTH // 2, 2, 3)
    halved = np.concatenate([pairs[..., 0], pairs[:, :, :1, 1], pairs[:, :, :1, 2]], axis=-1)  # Y1 Y2 B R
    made = dicom(halved.tobytes(), "YBR_FULL_422", Rows=HEIGHT, Columns=WIDTH)
    assert np.abs(seen(made, tmp_path).astype(int) - picture()).max() <= 2
    whole = dicom(full.tobytes(), "YBR_FULL_422", Rows=HEIGHT, Columns=WIDTH)
    assert "expected 120 bytes of pixels, but got 180" in refusal(whole, tmp_path)


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(tmp_path: Path, bits: int) -> None:
    colours = np.array([[9, 8, 7], [100, 0, 50], [1, 2, 255]])
    made = dicom((np.arange(HEIGHT * WIDTH) % 5).astype(np.uint8).reshape(HEIGHT, WIDTH), "PALETTE COLOR")
    for channel, name in enumerate(("Red", "Green", "Blue")):
        entries = colours[:, channel] * (1 if bits == 8 else 257)
        data = entries.astype(np.uint8 if bits == 8 else "<u2").tobytes()
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [3, 1, bits])
        setattr(made, f"{name}PaletteColorLookupTableData", data)
    if bits == 8:
        assert refusal(made, tmp_path)  # an odd table is padded, and its entries no longer have 8 bits
        for name in ("Red", "Green", "Blue"):
            setattr(made, f"{name}PaletteColorLookupTableDescriptor", [4, 1, 8])
            setattr(
                made, f"{name}PaletteColorLookupTableData", made[f"{name}PaletteColorLookupTableData"].value + b"\5"
            )
        colours = np.vstack([colours, [[5, 5, 5]]])
    index = (np.arange(HEIGHT * WIDTH) % 5 - 1).clip(
        0, len(colours) - 1
    )  # before the first and after the last are the ends
    np.testing.assert_array_equal(seen(made, tmp_path).reshape(-1, 3), colours[index])


def test_palette_of_16_bit_indices_does_not_wrap(tmp_path: Path) -> None:
    made = dicom(np.full((HEIGHT, WIDTH), 300, np.uint16), "PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 8])
        setattr(made, f"{name}PaletteColorLookupTableData", bytes(range(256)))
    assert (seen(made, tmp_path) == 255).all()


@pytest.mark.parametrize(
    "samples, marker, photometric",
    [
        ("YCbCr", "JFIF", "YBR_FULL_422"),
        ("YCbCr", "JFIF", "RGB"),  # the marker knows better than a careless header
        ("YCbCr", "Adobe", "YBR_FULL_422"),  # pydicom 3.0.2 converts it twice
        ("YCbCr", "none", "YBR_FULL"),
        ("RGB", "none", "RGB"),
        ("RGB", "Adobe", "RGB"),
    ],
)
def test_jpeg_colours_are_converted_once(tmp_path: Path, samples: str, marker: str, photometric: str) -> None:
    blocks = np.kron(picture(), np.ones((8, 8, 1), np.uint8))  # JPEG keeps flat blocks
    frame = jpeg(blocks, "YCbCr" if samples == "RGB" else None)  # calling RGB "YCbCr" stores it as it is
    transforms = {"Adobe": int(samples == "YCbCr"), "none": None}
    frame = frame if marker == "JFIF" else jpeg_with_marker(frame, transforms[marker])
    got = seen(compressed([frame], blocks.shape[:2], photometric, JPEGBaseline8Bit), tmp_path)
    assert np.abs(got.astype(int) - blocks).max() <= 3


def test_jpeg_is_what_pillow_shows(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 24, 3)).astype(np.uint8)
    with Image.open(io.BytesIO(jpeg(noise))) as image:
        np.testing.assert_array_equal(seen(jpeg_photograph(noise), tmp_path), np.asarray(image))
    level = grey(8).astype(np.uint8)
    made = compressed([jpeg(level)], level.shape, "MONOCHROME1", JPEGBaseline8Bit)
    assert np.abs(seen(made, tmp_path)[..., 1].astype(int) - (255 - level)).max() <= 6


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("bits", [8, 12])
def test_lossless_compression(tmp_path: Path, syntax: UID, bits: int) -> None:
    if not get_decoder(syntax).is_available:
        pytest.skip("no decoder for it")
    made = dicom(picture()) if bits == 8 else dicom(grey(12), "MONOCHROME2", BitsStored=12)
    compress(made, syntax, generate_instance_uid=False)
    expected = picture() if bits == 8 else np.repeat(np.rint(grey(12) / 4095 * 255)[..., None], 3, axis=-1)
    np.testing.assert_array_equal(seen(made, tmp_path), expected)


def jpeg2000(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG2000", no_jp2=True, irreversible=False)
    return buffer.getvalue()


def test_jpeg_2000(tmp_path: Path) -> None:
    colours = compressed([jpeg2000(picture())], (HEIGHT, WIDTH), "YBR_RCT", JPEG2000Lossless)
    np.testing.assert_array_equal(seen(colours, tmp_path), picture())
    deep = compressed([jpeg2000(grey(16))], (HEIGHT, WIDTH), "MONOCHROME2", JPEG2000, BitsAllocated=16, BitsStored=16)
    np.testing.assert_array_equal(seen(deep, tmp_path)[..., 0], np.rint(grey(16) / 65535 * 255))


def test_a_missing_decoder_is_named(tmp_path: Path) -> None:
    if get_decoder(JPEGLosslessSV1).is_available:
        pytest.skip("its decoder is installed")
    made = compressed([jpeg(picture())], (HEIGHT, WIDTH), "RGB", JPEGLosslessSV1)
    assert "but got JPEG Lossless" in refusal(made, tmp_path)
    film = compressed([jpeg(picture())], (HEIGHT, WIDTH), "RGB", MPEG2MPML)
    assert "expected a known compression" in refusal(film, tmp_path)


def test_frames(tmp_path: Path) -> None:
    frames = np.stack([picture(), picture()[::-1], picture()[:, ::-1]])
    plain = save(tmp_path / "plain", dicom(frames))
    coded = [jpeg(np.full((HEIGHT, WIDTH, 3), level, np.uint8)) for level in (20, 120, 220)]
    encoded = save(tmp_path / "coded.dcm", compressed(coded, (HEIGHT, WIDTH), "YBR_FULL_422", JPEGBaseline8Bit))
    reader = FundusReader()
    for number, level in enumerate((20, 120, 220), start=1):
        np.testing.assert_array_equal(reader(f"{plain}#{number}").transpose(1, 2, 0), frames[number - 1])
        assert np.abs(reader(f"{encoded}#{number}").astype(int) - level).max() <= 2
    assert reader.get_data(reader.read(f"{plain}#2"))[1]["filename_or_obj"] == f"{plain}#2"
    for path, message in (
        (f"{plain}", "plain: expected one picture, but got 3 frames"),
        (f"{plain}#4", "plain#4: expected a frame from 1 to 3, but got 4"),
        (f"{plain}#0", "plain#0: expected a file, but there is none"),
        (f"{tmp_path / 'none'}#1", "none#1: expected a file, but there is none"),
    ):
        with pytest.raises(UnreadableImageError, match=f"^{message}"):
            reader(path)
    Image.fromarray(picture()).save(tmp_path / "eye.png")
    with pytest.raises(UnreadableImageError, match="^eye.png#1: expected a file, but there is none"):
        reader(tmp_path / "eye.png#1")
    Image.fromarray(np.full((2, 3, 3), 7, np.uint8)).save(tmp_path / "plain#2", format="png")
    assert reader(f"{plain}#2").shape == (3, 2, 3)  # a file of the literal name goes first
    save(tmp_path / "one.dcm", dicom(picture()))
    np.testing.assert_array_equal(reader(tmp_path / "one.dcm#1").transpose(1, 2, 0), picture())


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "elements, message",
    [
        ({"kind": TOMOGRAPHY, "Modality": "OPT"}, "Ophthalmic Tomography Image Storage"),
        ({"kind": UID("1.2.840.10008.5.1.4.1.1.66.4"), "Modality": "SEG"}, "Segmentation Storage"),
        ({"kind": UID("1.2.840.10008.5.1.4.1.1.104.1"), "Modality": "DOC"}, "Encapsulated PDF Storage"),
        ({"kind": UID("1.2.840.10008.5.1.4.1.1.88.34"), "Modality": "SR"}, "Comprehensive 3D SR Storage"),
        ({"kind": UID("1.2.826.0.1.99")}, "another kind of object (unknown)"),
        ({"kind": SECONDARY_CAPTURE, "Modality": "CT"}, "but got another modality"),
        ({"PhotometricInterpretation": "YBR_PARTIAL_422"}, "another photometric interpretation of 3 samples"),
        ({"PhotometricInterpretation": CANARY}, "another photometric interpretation of 3 samples"),
        ({"PhotometricInterpretation": "MONOCHROME2"}, "another photometric interpretation of 3 samples"),
        ({"PhotometricInterpretation": "YBR_ICT"}, "expected colours that can be brought to RGB"),
        ({"PixelRepresentation": 1}, "expected unsigned levels"),
        ({"BitsStored": 6, "HighBit": 7}, "expected unsigned levels"),
        ({"Rows": 0}, "an object without a picture"),
        ({"NumberOfFrames": 2_000_000_000}, "expected 1 to 1000 frames, but got 2000000000"),
        ({"NumberOfFrames": -1}, "expected 1 to 1000 frames, but got -1"),
        ({"Rows": HEIGHT + 1}, "expected 210 bytes of pixels, but got 180"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "expected unsigned levels in the lower 16 bits"),
    ],
)
def test_what_is_no_photograph_is_refused(tmp_path: Path, elements: dict[str, object], message: str) -> None:
    assert message in refusal(dicom(picture(), **elements), tmp_path)


def test_the_size_is_checked_before_decoding(tmp_path: Path) -> None:
    """The file ends after its header, and the header claims four thousand million pixels."""
    whole = dicom(picture())
    assert seen(whole, tmp_path, max_pixels=HEIGHT * WIDTH).shape == (HEIGHT, WIDTH, 3)
    assert "at most 59 pixels, but got 10x6 pixels" in refusal(whole, tmp_path, max_pixels=HEIGHT * WIDTH - 1)
    assert "but got 65535x65535 pixels" in refusal(dicom(picture(), Rows=65535, Columns=65535), tmp_path)


def test_bombs_in_frames_are_refused(tmp_path: Path) -> None:
    """What is compressed may be larger than the header says: it is asked before it is decoded."""
    bomb = bytearray(jpeg(picture()))
    start = bomb.index(b"\xff\xc0")
    bomb[start + 5 : start + 9] = b"\xea\x60\xea\x60"
    made = compressed([bytes(bomb)], (HEIGHT, WIDTH), "YBR_FULL_422", JPEGBaseline8Bit)
    assert "but got 60000x60000 of 8 bits" in refusal(made, tmp_path)
    large = compressed([jpeg2000(np.zeros((60, 100), np.uint8))], (HEIGHT, WIDTH), "MONOCHROME2", JPEG2000)
    assert "but got 100x60 of 8 bits" in refusal(large, tmp_path)
    runs = compressed(
        [b"\x01\0\0\0\x40\0\0\0" + b"\0" * 56 + b"\x81\x07" * 5000], (HEIGHT, WIDTH), "MONOCHROME2", RLELossless
    )
    assert "a much longer one" in refusal(runs, tmp_path)
    shallow = compressed([jpeg(picture())], (HEIGHT, WIDTH), "RGB", JPEGBaseline8Bit, BitsAllocated=16, BitsStored=16)
    assert "of 16 bits as its header says, but got 10x6 of 8 bits" in refusal(shallow, tmp_path)


def test_deflated_files_are_not_inflated(tmp_path: Path) -> None:
    made = dicom(picture())
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert "that is not deflated" in refusal(made, tmp_path)
    path = tmp_path / "bomb.dcm"
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    whole = path.with_name("eye.jpg").read_bytes()
    path.write_bytes(whole[:400] + packer.compress(bytes(10**6)) + packer.flush())
    with pytest.raises(UnreadableImageError, match="that is not deflated"):
        FundusReader()(path)


def answer_or_reason(ask: Callable[[Path], object], path: Path) -> tuple[object, str]:
    try:
        return ask(path), ""
    except UnreadableImageError as error:
        return None, str(error)


@pytest.mark.parametrize("made", [dicom(picture()), jpeg_photograph(picture())], ids=["native", "jpeg"])
def test_cut_and_damaged_files_raise(tmp_path: Path, made: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    path = save(tmp_path / "eye.dcm", made)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    cut = [whole[:length] for length in [*range(132, len(whole) - 40, 23), len(whole) - 40]]
    changed = []
    for _ in range(60):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(132, len(whole), 5)] = random.integers(0, 256, 5)
        changed.append(damaged.tobytes())
    refused = 0
    with caplog.at_level(logging.DEBUG):
        for index, data in enumerate([*cut, *changed]):
            path.write_bytes(data)
            pixels, reason = answer_or_reason(FundusReader(), path)
            facts, other_reason = answer_or_reason(FundusReader().facts, path)
            assert index >= len(cut) or pixels is None, "a file that is cut gave a picture"
            for cause in filter(None, (reason, other_reason)):
                assert cause.startswith("eye.dcm: expected ")
                assert "\n" not in cause
            assert CANARY not in f"{reason} {facts} {other_reason}"
            refused += pixels is None
    assert len(cut) < refused < len(cut) + len(changed)
    assert CANARY not in caplog.text


def test_a_mask_is_no_dicom(tmp_path: Path) -> None:
    path = save(tmp_path / "disc.dcm", dicom(grey(8).astype(np.uint8), "MONOCHROME2"))
    with pytest.raises(UnreadableImageError, match=r"^disc\.dcm: expected a mask as png, tif or bmp"):
        FundusReader("mask")(path)


def test_identity_stays_inside(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture) -> None:
    """Values that pydicom would quote in warnings, logs and errors, in elements that are read and in others."""
    made = dicom(picture())
    made.add_new("NumberOfFrames", "IS", "1")
    path = save(tmp_path / "eye.dcm", made)
    data = path.read_bytes()
    for tag, element in {
        "frames": (b"\x28\x00\x08\x00IS\x02\x001 ", b"\x28\x00\x08\x00IS\x0a\x00" + CANARY.encode()),
        "birthday": (b"19610203", CANARY[:8].encode()),
    }.items():
        assert data.count(element[0]) == 1, tag
        (tmp_path / f"{tag}.dcm").write_bytes(data.replace(*element))
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(UnreadableImageError, match="expected a whole DICOM picture") as caught:
            FundusReader()(tmp_path / "frames.dcm")
        np.testing.assert_array_equal(FundusReader()(tmp_path / "birthday.dcm").transpose(1, 2, 0), picture())
        facts = FundusReader().facts(tmp_path / "birthday.dcm")
    cause = f"{caught.value!r} {facts} {caplog.text} {capfd.readouterr()}"
    assert CANARY[:8] not in cause


def test_pydicoms_log_stays_inside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """pydicom logs what its decoders raise, with a traceback."""
    broken = compressed([jpeg2000(picture())[:-60]], (HEIGHT, WIDTH), "YBR_RCT", JPEG2000Lossless)
    with caplog.at_level(logging.DEBUG):
        refusal(broken, tmp_path)
    assert [record.name for record in caplog.records if record.name.startswith("pydicom")] == []
    assert logging.getLogger("pydicom").propagate


# ------------------------------------------------------------------------------------------------------------- facts


def of(tmp_path: Path, frame: str = "", **elements: object) -> dict[str, object]:
    path = save(tmp_path / "eye.dcm", dicom(picture(), **elements))
    return dict(FundusReader().facts(f"{path}{frame}"))


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def test_facts_of_a_plain_header(tmp_path: Path) -> None:
    unknown = {"laterality": "unknown", "mm_per_px": None, "scale_fault": None, "burned_in": None}
    assert of(tmp_path) == unknown
    assert of(tmp_path, ImageLaterality="R", Laterality="L", BurnedInAnnotation="YES", PixelSpacing=[0.5, 0.25]) == {
        "laterality": "R",
        "mm_per_px": (0.25, 0.5),  # the file says rows first
        "scale_fault": None,
        "burned_in": "yes",
    }
    assert of(tmp_path, Laterality="L", BurnedInAnnotation="NO")["burned_in"] == "no"
    assert of(tmp_path, ImageLaterality="", Laterality="L")["laterality"] == "L"
    assert of(tmp_path, ImageLaterality="B", Laterality="L") == unknown
    assert of(tmp_path, ImagerPixelSpacing=[1, 1], NominalScannedPixelSpacing=[1, 1]) == unknown
    Image.fromarray(picture()).save(tmp_path / "eye.png")
    assert FundusReader().facts(tmp_path / "eye.png") == unknown


@pytest.mark.parametrize(
    "value", ["0\\0.5", "-0.006\\0.006", "nan\\nan", "inf\\1", "0.5", "1\\2\\3", "mm\\mm", "Doe^John"]
)
def test_an_illegal_spacing_is_unknown_and_named(tmp_path: Path, value: str) -> None:
    """Without the value, which may be anything."""
    header = dicom(np.zeros((4, 5, 3), np.uint8))
    header.add_new("PixelSpacing", "LO", value)
    got = FundusReader().facts(save(tmp_path / "eye.dcm", header))
    assert got["mm_per_px"] is None
    assert got["scale_fault"] == "the spacing of the pixels in the file is not two positive numbers"


def test_a_legal_spacing_of_the_frame_comes_before_an_illegal_one(tmp_path: Path) -> None:
    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[4, 3])])
    got = of(tmp_path, PixelSpacing=[0, 0], SharedFunctionalGroupsSequence=[shared])
    assert (got["mm_per_px"], got["scale_fault"]) == ((3, 4), None)


def test_facts_in_sequences(tmp_path: Path) -> None:
    left = item(CodeValue="7771000", CodingSchemeDesignator="SCT", CodeMeaning="Left")
    assert of(tmp_path, AnatomicRegionSequence=[item(AnatomicRegionModifierSequence=[left])])["laterality"] == "L"
    shared = item(FrameAnatomySequence=[item(FrameLaterality="L")], PixelMeasuresSequence=[item(PixelSpacing=[4, 3])])
    got = of(tmp_path, SharedFunctionalGroupsSequence=[shared])
    assert (got["laterality"], got["mm_per_px"]) == ("L", (3, 4))
    frames = np.stack([picture(), picture()])
    sides = [item(FrameAnatomySequence=[item(FrameLaterality=side)]) for side in "LR"]
    path = save(tmp_path / "two.dcm", dicom(frames, PerFrameFunctionalGroupsSequence=sides))
    assert [FundusReader().facts(f"{path}#{frame}")["laterality"] for frame in (1, 2)] == ["L", "R"]


def test_facts_need_only_the_header(tmp_path: Path) -> None:
    path = save(tmp_path / "eye.dcm", dicom(np.zeros((100, 100, 3), np.uint8), ImageLaterality="R"))
    path.write_bytes(path.read_bytes()[:-29_000])
    assert FundusReader().facts(path)["laterality"] == "R"
    with pytest.raises(UnreadableImageError, match="expected"):
        FundusReader()(path)
    with pytest.raises(UnreadableImageError, match=r"^none\.dcm: expected a file"):
        FundusReader().facts(tmp_path / "none.dcm")
