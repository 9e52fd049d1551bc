"""DICOM photographs made for the tests, with a patient whose name must never come out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

OPHTHALMIC_8 = UID("1.2.840.10008.5.1.4.1.1.77.1.5.1")
OPHTHALMIC_16 = UID("1.2.840.10008.5.1.4.1.1.77.1.5.2")
TOMOGRAPHY = UID("1.2.840.10008.5.1.4.1.1.77.1.5.4")
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")
CANARY = "CANARYNAME"


def dicom(pixels: np.ndarray | bytes, photometric: str = "RGB", **elements: Any) -> Dataset:
    """Make a photograph of pixels (H, W[, C]) or (frames, H, W[, C]), or of encoded bytes with Rows and Columns named."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = elements.pop("syntax", ExplicitVRLittleEndian)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = elements.pop("kind", OPHTHALMIC_8)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.Modality = "OP"
    made.PatientName, made.PatientID, made.AccessionNumber = f"{CANARY}^EVE", CANARY, CANARY[:10]
    made.PatientBirthDate, made.InstitutionName, made.ImageComments = "19610203", CANARY, CANARY
    made.PhotometricInterpretation = photometric
    made.SamplesPerPixel = 3 if photometric.startswith(("RGB", "YBR")) else 1
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.PixelRepresentation = 0
    if isinstance(pixels, np.ndarray):
        axes = pixels.shape[:-1] if made.SamplesPerPixel == 3 else pixels.shape
        made.Rows, made.Columns = axes[-2:]
        if len(axes) == 3:
            made.NumberOfFrames = axes[0]
        made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
        pixels = pixels.tobytes()
    made.PixelData = pixels + b"\0" * (len(pixels) % 2)
    made["PixelData"].VR = "OW" if made.BitsAllocated > 8 else "OB"
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    if "HighBit" not in elements:
        made.HighBit = made.BitsStored - 1
    return made


def save(path: Path, made: Dataset) -> Path:
    """Write it with its preamble."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def compressed(frames: list[bytes], size: tuple[int, int], photometric: str, syntax: UID, **elements: Any) -> Dataset:
    """Make a photograph of encoded frames of ``size`` (rows, columns)."""
    elements = {"Rows": size[0], "Columns": size[1], "syntax": syntax, **elements}
    if len(frames) > 1:
        elements["NumberOfFrames"] = len(frames)
    made = dicom(encapsulate(frames), photometric, **elements)
    made["PixelData"].is_undefined_length = True
    return made


def jpeg(pixels: np.ndarray, mode: str | None = None) -> bytes:
    """Encode (H, W, 3), with JFIF's marker; ``mode`` says what the three channels are already."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels) if mode is None else Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    image.save(buffer, "JPEG", quality=95, **({"subsampling": 0} if pixels.ndim == 3 else {}))
    return buffer.getvalue()


def jpeg_with_marker(encoded: bytes, transform: int | None) -> bytes:
    """Take JFIF's marker away, and put Adobe's in its place: 0 says RGB, 1 says YCbCr."""
    after = 4 + int.from_bytes(encoded[4:6], "big")
    adobe = b"" if transform is None else b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes([transform])
    return encoded[:2] + adobe + encoded[after:]


def jpeg_photograph(pixels: np.ndarray, **elements: Any) -> Dataset:
    """Make the usual clinic's file: JPEG baseline, YBR_FULL_422."""
    return compressed([jpeg(pixels)], pixels.shape[:2], "YBR_FULL_422", JPEGBaseline8Bit, **elements)
