"""One small file of every kind that is read, and what the kind's own library makes of it."""

from __future__ import annotations

import gzip
import io
import re
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813
import tifffile
from PIL import Image, ImageOps
from pydicom.pixels import compress, get_decoder
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.photographs.dicom_files import compressed, dicom, jpeg

HEIGHT, WIDTH = 24, 37


def picture() -> np.ndarray:
    """(24, 37, 3): smooth, so that compression works, and different everywhere, so that nothing is mistaken."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 7 + columns, 250 - columns * 5, rows * 3 + columns * 2], axis=-1).astype(np.uint8)


def _pillow(kind: str, pixels: np.ndarray | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture() if pixels is None else pixels).save(stream, kind, **options)
    return stream.getvalue()


def _tiff(**options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, picture(), photometric="rgb", metadata=None, **options)
    return stream.getvalue()


def _itk(folder: Path, name: str, pixels: np.ndarray | None = None, **options: bool) -> bytes:
    pixels = picture() if pixels is None else pixels
    image = sitk.GetImageFromArray(pixels[None], isVector=pixels.ndim == 3)
    image.SetSpacing((0.006, 0.007, 1))
    sitk.WriteImage(image, str(folder / name), **options)
    return (folder / name).read_bytes()


def _dicom(made: pydicom.Dataset, syntax: str | None = None) -> bytes:
    if syntax is not None:
        compress(made, syntax, generate_instance_uid=False)
    made.PixelSpacing = [0.007, 0.006]
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def corpus(folder: Path) -> dict[str, bytes]:
    """Return the files by name."""
    deep, small = picture()[..., 0].astype(np.uint16) * 250, picture().shape[:2]
    frame = _pillow("JPEG2000", no_jp2=True, irreversible=False)
    files = {
        "rgb.png": _pillow("PNG"),
        "deep.png": _pillow("PNG", deep),
        "grey.png": _pillow("PNG", picture()[..., 0]),
        "sequential.jpg": _pillow("JPEG", quality=90),
        "progressive.jpg": _pillow("JPEG", quality=90, progressive=True),
        "restarts.jpg": _pillow("JPEG", quality=90, restart_marker_blocks=2),
        "rgb.bmp": _pillow("BMP"),
        "raw.tif": _tiff(rowsperstrip=5),
        "tiles.tif": _tiff(tile=(16, 16), compression="zlib"),
        "lzw.tif": _pillow("TIFF", compression="tiff_lzw"),
        "packbits.tif": _pillow("TIFF", compression="packbits"),
        "jpeg.tif": _pillow("TIFF", compression="jpeg"),
        "raw.mha": _itk(folder, "raw.mha"),
        "deep.mha": _itk(folder, "deep.mha", deep),
        "packed.mha": _itk(folder, "packed.mha", useCompression=True),
        "raw.nrrd": _itk(folder, "raw.nrrd"),
        "deep.nrrd": _itk(folder, "deep.nrrd", deep),
        "packed.nrrd": _itk(folder, "packed.nrrd", useCompression=True),
        "raw.nii": _itk(folder, "raw.nii"),
        "deep.nii": _itk(folder, "deep.nii", deep),
        "packed.nii.gz": _itk(folder, "packed.nii.gz"),
        "native.dcm": _dicom(dicom(picture())),
        "implicit.dcm": _dicom(dicom(picture(), syntax=ImplicitVRLittleEndian)),
        "big.dcm": _dicom(dicom(deep.astype(">u2"), "MONOCHROME2", syntax=ExplicitVRBigEndian)),
        "frames.dcm": _dicom(dicom(np.stack([picture(), picture()[::-1]]))),
        "runs.dcm": _dicom(dicom(picture()), RLELossless),
        "jpeg.dcm": _dicom(compressed([jpeg(picture())], small, "YBR_FULL", JPEGBaseline8Bit)),
        "wavelets.dcm": _dicom(compressed([frame], small, "YBR_RCT", JPEG2000Lossless)),
    }
    if get_decoder(JPEGLSLossless).is_available:
        files["predicted.dcm"] = _dicom(dicom(picture()), JPEGLSLossless)
    return files


# ------------------------------------------------------------------------------------------------------------- oracles


def _levels(pixels: np.ndarray, bits: int) -> np.ndarray:
    levels = np.rint(pixels.astype(float) * 255 / (2**bits - 1)).astype(np.uint8)
    return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=-1)


def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path, formats=("JPEG", "PNG", "TIFF", "BMP")) as image:
        # Pillow turns TIFF files itself, and then leaves the mark.
        turned = image if image.format == "TIFF" else ImageOps.exif_transpose(image)
        if turned.mode.startswith("I;16"):
            return _levels(np.asarray(turned), 16)
        if "transparency" in turned.info or turned.mode in ("LA", "RGBA", "PA"):
            wide = np.asarray(turned.convert("RGBA")).astype(int)
            return ((wide[..., :3] * wide[..., 3:] + 127) // 255).astype(np.uint8)
        return np.asarray(turned.convert("RGB"))


def by_itk(path: Path) -> np.ndarray:
    image = sitk.ReadImage(str(path), imageIO=f"{'Nrrd' if path.suffix == '.nrrd' else 'Meta'}ImageIO")
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    pixels = sitk.GetArrayFromImage(sitk.DICOMOrient(image, "LPS"))[0]
    if pixels.ndim == 3 and pixels.shape[-1] == 4:
        raise NotImplementedError
    return _levels(pixels, 8 * pixels.itemsize)


def by_nibabel(path: Path) -> np.ndarray:
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    image = nibabel.Nifti1Image.from_bytes(data)
    if int(image.header["sform_code"]) or int(image.header["qform_code"]):
        image = image.slicer[:, :, :] if image.ndim == 3 else image
        image = nibabel.as_closest_canonical(image)
        pixels = np.asarray(image.dataobj)[::-1, ::-1]
    else:
        pixels = np.asarray(image.dataobj)
    pixels = pixels.reshape(*pixels.shape[:2], -1).swapaxes(0, 1)
    return _levels(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, 8 * pixels.itemsize)


def by_pydicom(path: Path) -> np.ndarray:
    dataset = pydicom.dcmread(path, force=True)
    pixels = dataset.pixel_array
    if (
        dataset.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422")
        and not dataset.file_meta.TransferSyntaxUID.is_encapsulated
    ):
        pixels = pydicom.pixels.convert_color_space(pixels, dataset.PhotometricInterpretation, "RGB")
    pixels = pixels[0] if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels
    levels = _levels(pixels, dataset.BitsStored)
    return 255 - levels if dataset.PhotometricInterpretation == "MONOCHROME1" else levels


ORACLES = {".mha": by_itk, ".nrrd": by_itk, ".nii": by_nibabel, ".gz": by_nibabel, ".dcm": by_pydicom}


def oracle(name: str) -> Callable[[Path], np.ndarray]:
    """Return what a kind's own library makes of a file, ``(H, W, 3)``."""
    return ORACLES.get(Path(name).suffix, by_pillow)


# ----------------------------------------------------------------------------------------------------------- mutations

_WORDS = [
    b"LOCAL",
    b"data file: x",
    b"-1",
    b"0",
    b"1",
    b"2",
    b"3",
    b"99999999999",
    b"nan",
    b"1e999",
    b"True",
    b"False",
    b"gzip",
]
_WORDS += [
    b"raw",
    b"little",
    b"big",
    b"vector",
    b"MET_UCHAR",
    b"MET_USHORT",
    b"ushort",
    b"\r",
    b"\n",
    b"\0",
    b"none",
    b"(0,1)",
]
_NUMBERS = [0, 1, 2, 3, 7, 8, 12, 16, 24, 37, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1]


def mutations(data: bytes, count: int, seed: int) -> list[bytes]:
    """Return so many damaged copies, always the same: most of them damaged in the first bytes, where headers are."""
    random = np.random.default_rng(seed)
    kinds = (_flip, _number, _cut, _word, _move, _overwrite)
    return [kinds[index % len(kinds)](data, random) for index in range(count)]


def _place(data: bytes, random: np.random.Generator) -> int:
    return int(random.integers(0, len(data) if random.random() < 0.4 else min(len(data), 700)))


def _flip(data: bytes, random: np.random.Generator) -> bytes:
    harmed = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        harmed[_place(data, random)] = int(random.integers(0, 256))
    return bytes(harmed)


def _number(data: bytes, random: np.random.Generator) -> bytes:
    """Put a number of 2 or 4 bytes, in either order, where another may have been."""
    place, value = _place(data, random), _NUMBERS[int(random.integers(len(_NUMBERS)))]
    order, size = "<>"[int(random.integers(2))], "HI"[int(random.integers(2))]
    number = struct.pack(order + size, value & (0xFFFF if size == "H" else 0xFFFFFFFF))
    return data[:place] + number + data[place + len(number) :]


def _cut(data: bytes, random: np.random.Generator) -> bytes:
    tail = [b"", b"\xff\xd9", bytes(500)][int(random.integers(3))]
    return data[: int(random.integers(0, len(data)))] + tail


def _word(data: bytes, random: np.random.Generator) -> bytes:
    """Put a word of a header in another's place."""
    places = [match.span() for match in re.finditer(rb"[^\s=:,()]+", data[:1200])]
    start, stop = places[int(random.integers(len(places)))]
    return data[:start] + _WORDS[int(random.integers(len(_WORDS)))] + data[stop:]


def _move(data: bytes, random: np.random.Generator) -> bytes:
    """Take some bytes away, or double them."""
    start = _place(data, random)
    stop = start + int(random.integers(1, 40))
    return data[:start] + data[stop:] if random.random() < 0.5 else data[:stop] + data[start:]


def _overwrite(data: bytes, random: np.random.Generator) -> bytes:
    start = _place(data, random)
    stop = min(len(data), start + int(random.integers(1, 200)))
    return data[:start] + bytes(stop - start) + data[stop:]
