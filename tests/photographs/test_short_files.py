"""Files that lack pixels fail, however they were closed again; whole files of the same kinds are read."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from fundus_mtl.photographs import FundusReader, UnreadableImageError
from tests.photographs.dicom_files import compressed, save

HEIGHT, WIDTH = 150, 203
CUTS = (0.3, 0.5, 0.8, 0.9, 0.95, 0.99)


def fundus() -> np.ndarray:
    """(150, 203, 3): a bright round field with noise on black, as dark in the last rows as cameras leave them."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside = np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2) < 0.46 * HEIGHT
    noise = np.random.default_rng(0).integers(0, 40, (HEIGHT, WIDTH, 3))
    return (np.array([150, 70, 25]) * inside[..., None] + noise * inside[..., None]).astype(np.uint8)


def read(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return FundusReader()(path).transpose(1, 2, 0)


def refuse(path: Path, data: bytes, message: str = "") -> None:
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=rf"^{path.name}: (?=expected )[^\n]*{message}"):
        FundusReader()(path)


# --------------------------------------------------------------------------------------------------------------- PNG


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, rows: int, size: int = 8192, interlaced: int = 0) -> bytes:
    """Write only so many rows, in a stream that ends properly."""
    height, width = pixels.shape[:2]
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels[:rows]))
    parts = [chunk(b"IDAT", packed[start : start + size]) for start in range(0, len(packed), size)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [100, 10**6])
def test_a_png_has_all_its_rows(tmp_path: Path, size: int) -> None:
    picture = fundus()
    np.testing.assert_array_equal(read(tmp_path / "a.png", png(picture, HEIGHT, size)), picture)
    for part in (0, *CUTS):
        rows = int(part * HEIGHT)
        message = (
            f"expected {HEIGHT * (1 + 3 * WIDTH)} bytes of pixels as the header says, but got {rows * (1 + 3 * WIDTH)};"
        )
        refuse(tmp_path / "a.png", png(picture, rows, size), message)
    more = np.concatenate([picture, picture[:1]])
    refuse(
        tmp_path / "a.png",
        png(picture, 0).replace(
            chunk(b"IDAT", zlib.compress(b"")),
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in more))),
        ),
        "but got more",
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 8), (203, 150)])
def test_every_kind_of_png_is_whole(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    values = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 4)).astype(np.uint8)
    image = (
        Image.fromarray(values[..., 0].astype(np.uint16) * 200)
        if mode == "I;16"
        else Image.fromarray(values).convert(mode)
    )
    image.save(tmp_path / "a.png")
    assert FundusReader()(tmp_path / "a.png").shape == (3, size[1], size[0])


@pytest.mark.parametrize("width, height", [(1, 1), (2, 3), (4, 5), (5, 4), (8, 8), (13, 9)])
def test_an_interlaced_png_has_all_its_passes(tmp_path: Path, width: int, height: int) -> None:
    """Adam7, written by hand: the passes of the standard, one after the other."""
    pixels = np.random.default_rng(2).integers(0, 256, (height, width, 3)).astype(np.uint8)
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = [pixels[y::down, x::across] for y, x, down, across in passes]
    rows = [b"\0" + row.tobytes() for part in parts if part.size for row in part]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))

    def file(kept: list[bytes]) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"".join(kept))) + chunk(b"IEND", b"")

    np.testing.assert_array_equal(read(tmp_path / "a.png", file(rows)), pixels)
    refuse(tmp_path / "a.png", file(rows[:-1]), "bytes of pixels as the header says")


def test_a_png_of_many_blank_bytes_stops_early(tmp_path: Path) -> None:
    """A hundred million bytes behind a header of 10 x 10: counted no further than the header promises."""
    bomb = chunk(b"IDAT", zlib.compress(bytes(10**8)))
    data = png(np.zeros((10, 10, 3), np.uint8), 0).replace(chunk(b"IDAT", zlib.compress(b"")), bomb)
    refuse(tmp_path / "a.png", data, "but got more")


# -------------------------------------------------------------------------------------------------------------- JPEG


def jpeg(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


KINDS = {
    "sequential": {},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "full colour": {"subsampling": 0},
    "halved": {"subsampling": 1},
    "restarts": {"restart_marker_rows": 1},
    "more restarts": {"restart_marker_blocks": 3},
    "progressive restarts": {"progressive": True, "restart_marker_blocks": 5},
}
PICTURES = {
    "fundus": fundus(),
    "grey": np.full((HEIGHT, WIDTH, 3), 128, np.uint8),  # as grey as what decoders put in place of missing blocks
    "one channel": fundus()[..., 0],
    "noise": np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8),
    "one pixel": np.full((1, 1, 3), 128, np.uint8),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("picture", PICTURES)
def test_whole_jpegs_are_read(tmp_path: Path, kind: str, picture: str) -> None:
    data = jpeg(PICTURES[picture], **KINDS[kind])
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(read(tmp_path / "a.jpg", data), shown)
    np.testing.assert_array_equal(read(tmp_path / "a.jpg", data + b"trailing bytes of a camera"), shown)


def entropy(data: bytes) -> tuple[int, int]:
    """Return where the first scan's coded data begin and where the file's end marker is."""
    start = data.index(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big"), data.rindex(b"\xff\xd9")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("picture", ["fundus", "noise", "one channel"])
@pytest.mark.parametrize("tail", [b"", b"\xff\xd9", bytes(4000)])
def test_cut_jpegs_fail_however_they_are_closed(tmp_path: Path, kind: str, picture: str, tail: bytes) -> None:
    data = jpeg(PICTURES[picture], **KINDS[kind])
    start, end = entropy(data)
    for part in CUTS:
        cut = data[: start + int(part * (end - start))].removesuffix(b"\xff")
        refuse(tmp_path / "a.jpg", cut + tail)


def test_a_progressive_jpeg_without_its_last_scans_fails(tmp_path: Path) -> None:
    data = jpeg(fundus(), progressive=True)
    scans = [index for index in range(len(data)) if data[index : index + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for start in scans[1:]:
        tables = data.rindex(b"\xff\xc4", 0, start)  # each scan has its tables in front
        for stop in (start, tables):
            refuse(tmp_path / "a.jpg", data[:stop] + b"\xff\xd9", "a JPEG that is cut")


def test_a_jpeg_with_restarts_cut_between_two_fails(tmp_path: Path) -> None:
    data = jpeg(fundus(), restart_marker_blocks=3)
    places = [
        index for index in range(entropy(data)[0], len(data)) if data[index] == 0xFF and 0xD0 <= data[index + 1] <= 0xD7
    ]
    assert len(places) > 10
    for place in places[:: len(places) // 8]:
        refuse(tmp_path / "a.jpg", data[:place] + b"\xff\xd9", "a JPEG that is cut")


def test_a_jpeg_of_very_many_scans_fails(tmp_path: Path) -> None:
    data = jpeg(fundus(), progressive=True)
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    refuse(tmp_path / "a.jpg", data[:end] + 40 * data[start:end] + data[end:], "expected at most 40 scans")


def test_frames_of_dicom_have_all_their_pixels(tmp_path: Path) -> None:
    data = jpeg(fundus())
    whole = save(tmp_path / "a.dcm", compressed([data], (HEIGHT, WIDTH), "YBR_FULL_422", JPEGBaseline8Bit))
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(FundusReader()(whole).transpose(1, 2, 0), shown)
    start, end = entropy(data)
    for part in CUTS:
        cut = data[: start + int(part * (end - start))].removesuffix(b"\xff") + b"\xff\xd9"
        path = save(tmp_path / "b.dcm", compressed([cut], (HEIGHT, WIDTH), "YBR_FULL_422", JPEGBaseline8Bit))
        with pytest.raises(UnreadableImageError, match="a JPEG that is cut"):
            FundusReader()(path)


# -------------------------------------------------------------------------------------------------------------- TIFF


def tiff(path: Path, **options: object) -> bytes:
    tifffile.imwrite(path, fundus(), photometric="rgb", **options)
    return path.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        {"rowsperstrip": 16},
        {"tile": (32, 48)},
        {"rowsperstrip": 16, "compression": "zlib"},
        {"tile": (32, 48), "compression": "zlib"},
        {"planarconfig": "separate", "rowsperstrip": 20},
    ],
)
def test_tiffs_have_all_their_strips_and_tiles(tmp_path: Path, options: dict[str, object]) -> None:
    picture = fundus()
    separate = "planarconfig" in options
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture.transpose(2, 0, 1) if separate else picture, photometric="rgb", **options)
    np.testing.assert_array_equal(read(path, path.read_bytes()), picture)
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        offsets = tags["TileOffsets" if "tile" in options else "StripOffsets"]
        lengths = tags["TileByteCounts" if "tile" in options else "StripByteCounts"]
    count, place = offsets.count, offsets.offset + 4
    fewer = bytearray(whole)
    for tag in (offsets, lengths):
        fewer[tag.offset + 4 : tag.offset + 8] = (count - 1).to_bytes(4, "little")
    assert int.from_bytes(whole[place : place + 4], "little") == count
    refuse(path, bytes(fewer))
    for harm in (len(whole), 2**31):  # the last part lies behind the file's end
        harmed, last = bytearray(whole), offsets.valueoffset + 4 * (count - 1)
        harmed[last : last + 4] = harm.to_bytes(4, "little")
        if offsets.dtype == 4:
            refuse(path, bytes(harmed))


@pytest.mark.parametrize("rows", [None, 16])
def test_jpeg_strips_of_tiffs_are_whole(tmp_path: Path, rows: int | None) -> None:
    path = tmp_path / "a.tif"
    options = {} if rows is None else {"tiffinfo": {278: rows}}
    Image.fromarray(fundus()).save(path, compression="jpeg", **options)
    whole = path.read_bytes()
    shown = np.asarray(Image.open(io.BytesIO(whole)).convert("RGB"))
    np.testing.assert_array_equal(read(path, whole), shown)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        offset, length = page.dataoffsets[0], page.databytecounts[0]
    for part in (0.5, 0.8, 0.95):
        stop = offset + int(part * length)
        for tail in (b"\xff\xd9", b""):
            cut = whole[:stop].removesuffix(b"\xff") + tail
            refuse(path, cut + bytes(offset + length - len(cut)) + whole[offset + length :])


def test_a_tiff_of_huge_tiles_or_many_pages_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    tiff(tmp_path / "a.tif", tile=(32, 48))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        places = [file.pages[0].tags[name].valueoffset for name in ("TileWidth", "TileLength")]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    for place in places:
        data[place : place + 2] = (65520).to_bytes(2, "little")
    refuse(tmp_path / "a.tif", bytes(data), "expected tiles of at most 80000000 pixels")
    one = Image.fromarray(fundus()[:8, :8])
    for pages, named in ((2, "2"), (9, "9"), (10, "at least 10"), (40, "at least 10")):
        one.save(tmp_path / "b.tif", save_all=True, append_images=[one] * (pages - 1))
        refuse(tmp_path / "b.tif", (tmp_path / "b.tif").read_bytes(), f"but got {named} pages")


@pytest.mark.parametrize("width, height", [(40_000, 1), (1, 32_768), (32_768, 2)])
def test_sides_have_a_limit(tmp_path: Path, width: int, height: int) -> None:
    Image.new("L", (width, height)).save(tmp_path / "a.png")
    refuse(
        tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), f"sides of at most 32767 px, but got {width}x{height}"
    )
    Image.new("L", (min(width, 32_767), min(height, 32_767))).save(tmp_path / "a.png")
    assert FundusReader()(tmp_path / "a.png").shape == (3, min(height, 32_767), min(width, 32_767))


def pictures(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 255, (16, 24, 3)).astype(np.uint8)).save(
        buffer, kind, **options
    )
    return buffer.getvalue()


def png_chunk(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


JPEG, PNG = pictures("JPEG"), pictures("PNG")
EXIF = b"\xff\xe1\xff\xffExif\0\0" + b"MM\0*\0\0\0\x08" + bytes(65535 - 2 - 14)
COMMENT = png_chunk(b"tEXt", b"a\0b")


@pytest.mark.parametrize(
    "data",
    [
        JPEG[:2] + b"\xff\xe5\x00\x04ab" * 200_000 + JPEG[2:],  # small segments
        JPEG[:2] + EXIF * 400 + JPEG[2:],  # Pillow joins them: the time grows by the square
        JPEG[:2] + b"\xff" * 2_000_000 + JPEG[2:],  # fill bytes, in all places
        JPEG[:-2] + b"\xff" * 2_000_000 + JPEG[-2:],
        JPEG[:-2] + b"\xff" * 2_000_000 + b"\0" + JPEG[-2:],
        JPEG[:-2] + b"\xff" * 2_000_000,
        JPEG[:2] + b"\xff\x00" * 500_000 + JPEG[2:],  # marks of no segment
        JPEG[:2] + b"\xff\x01" * 500_000 + JPEG[2:],
        JPEG[:-2] + b"\xff\xfe\0\2" * 200_000 + JPEG[-2:],  # comments behind the pixels
        PNG[:33] + COMMENT * 100_000 + PNG[33:],
        PNG[:33] + png_chunk(b"IDAT", b"") * 200_000 + PNG[33:],
    ],
    ids=lambda data: str(len(data)),
)
def test_long_headers_cost_no_time(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "eye.jpg").write_bytes(data)
    start = time.process_time()
    with pytest.raises(
        UnreadableImageError, match=r"^eye\.jpg: expected .*at most [0-9]+ (markers|fill|chunks).*, but got more"
    ):
        FundusReader()(tmp_path / "eye.jpg")
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (JPEG[:2] + b"\xff\xe5\x00\x04ab" * 4000 + JPEG[2:], JPEG),
        (JPEG[:2] + EXIF * 250 + JPEG[2:], JPEG),
        (JPEG[:2] + b"\xff" * 4000 + JPEG[2:], JPEG),
        (JPEG[:-2] + b"\xff" * 4000 + JPEG[-2:], JPEG),
        (JPEG + b"\xff" * 2_000_000, JPEG),  # what follows the end is none of the picture, such as a film
        (PNG[:33] + COMMENT * 990 + PNG[33:], PNG),
    ],
    ids=lambda data: str(len(data)),
)
def test_as_much_as_cameras_write_passes(tmp_path: Path, data: bytes, whole: bytes) -> None:
    (tmp_path / "eye").write_bytes(data)
    (tmp_path / "whole").write_bytes(whole)
    assert np.array_equal(FundusReader()(tmp_path / "eye"), FundusReader()(tmp_path / "whole"))


def test_a_png_of_indices_needs_its_palette(tmp_path: Path) -> None:
    """Without one Pillow shows a picture all the same."""
    rows = bytes(range(25)) * 16
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 8, 3, 0, 0, 0))
    parts = (header, png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b""))
    (tmp_path / "eye.png").write_bytes(PNG[:8] + b"".join(parts))
    for mode in ("image", "mask"):
        with pytest.raises(UnreadableImageError, match="expected a PNG with its palette, but got none"):
            FundusReader(mode)(tmp_path / "eye.png")
