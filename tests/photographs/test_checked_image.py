"""Pictures for the preparation of data sets: only four formats, by Pillow in this process, and whole."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from data_prep._index_mask import read_codes
from data_prep._refuge_masks import decode
from data_prep._same_photograph import same_photographs
from fundus_mtl.data import PHOTOGRAPH_ERRORS, picture_size
from fundus_mtl.data._datalist_photographs import _drawn
from fundus_mtl.photographs import UnreadableImageError, checked_image

CODES = np.full((16, 24), 255, np.uint8)
CODES[3:8, 4:10] = 128
CODES[4:7, 6:8] = 0


def eps(path: Path) -> Path:
    """A PostScript file that Pillow would hand to Ghostscript; of 24 x 16 px."""
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 24 16\n%%EndComments\n(out.txt) (w) file\n%%EOF\n")
    return path


def short_png(path: Path) -> Path:
    """Without its last rows, but with right checksums: Pillow leaves those rows black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 24, 16, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in CODES[:6])
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_the_pixels_are_those_of_the_file(tmp_path, suffix):
    Image.fromarray(CODES).save(tmp_path / f"mask.{suffix}")
    with checked_image(tmp_path / f"mask.{suffix}") as image:
        assert (image.mode, image.size) == ("L", (24, 16))
        assert np.array_equal(np.asarray(image), CODES)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: checked_image(path).__enter__(),
        lambda path: decode(path, "eye"),
        lambda path: read_codes(path, path, (0, 1), "eye"),
        lambda path: same_photographs([path]),
        picture_size,
    ],
)
def test_no_other_program_is_started(tmp_path, monkeypatch, read):
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started"))
    with pytest.raises(PHOTOGRAPH_ERRORS):
        read(eps(tmp_path / "mask.png"))
    assert not _drawn(eps(tmp_path / "eye.png"))


def test_the_danger_is_real(tmp_path, monkeypatch):
    """Without the list of formats, Pillow would start it."""
    started = []
    drawn = Image.new("L", (24, 16)).im
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: started.append(1) or drawn)
    with Image.open(eps(tmp_path / "mask.png")) as image:
        image.load()
    assert started == [1]


def test_a_mask_that_lacks_rows_is_refused(tmp_path):
    with Image.open(short_png(tmp_path / "mask.png")) as image:
        assert np.asarray(image)[6:].max() == 0  # what Pillow alone makes of it: a cup to the lower edge
    with pytest.raises(UnreadableImageError, match="expected 400 bytes of pixels as the header says, but got 150"):
        checked_image(tmp_path / "mask.png").__enter__()
    with pytest.raises(ValueError, match="eye: expected a readable mask, but got: expected 400 bytes"):
        decode(tmp_path / "mask.png", "eye")


def test_pipes_and_large_pictures_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableImageError, match="expected a regular file"):
        checked_image(tmp_path / "pipe.png").__enter__()
    Image.fromarray(CODES).save(tmp_path / "mask.png")
    with pytest.raises(UnreadableImageError, match="at most 383 pixels"):
        checked_image(tmp_path / "mask.png", max_pixels=383).__enter__()
