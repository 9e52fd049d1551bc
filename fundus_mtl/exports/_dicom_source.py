"""What a DICOM report or segmentation takes over from its photograph.

Only the attributes listed here are copied. By default that excludes everything about who was photographed, when, where and
by whom, and every UID: see `source_header`.
"""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, generate_uid

TECHNICAL = (
    *("SOPClassUID", "Modality", "Rows", "Columns", "PixelSpacing", "PatientOrientation", "ImageLaterality"),
    *("Laterality", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
IDENTITY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
    *("AccessionNumber", "ReferringPhysicianName"),
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def source_header(source: str | Path | Dataset, keep_identity: bool = False, salt: str | None = None) -> Dataset:
    """Return the header of a photograph as far as it may be taken over, without its pixels.

    A DICOM report or segmentation is part of the study of its image: an archive assigns it by the patient's name and
    number and by the study's UID. **With** ``keep_identity`` **the files therefore name the patient, as the photograph
    does**: write them only to places where photographs may be stored, and never for a run whose names are hashed. By
    default the identity and all dates are empty, study, series and instance get new UIDs, and the header records that
    (``PatientIdentityRemoved``); an archive then cannot show the results beside the photograph.

    Args:
        source: File or data set of a DICOM image of one frame; it is not changed.
        keep_identity: Whether patient, study and UIDs are taken over.
        salt: Secret that, with the old UIDs, determines the new ones, so that results of the same photograph and photographs
            of the same study stay together. Without one the new UIDs are random.

    Raises:
        ValueError: If it is not a DICOM image, has several frames, or lacks UIDs; or if a salt is given although the
            identity is kept.
    """
    photograph = source if isinstance(source, Dataset) else _read(Path(source))
    _check(photograph)
    if keep_identity and salt is not None:
        raise ValueError(
            "salt: expected none where the identity is kept, but got one; hashed names and identity exclude each other."
        )
    header = Dataset()
    for name in TECHNICAL:
        if name in photograph:
            header[name] = photograph[name]
    for name in IDENTITY:
        setattr(header, name, photograph.get(name, "") if keep_identity else "")
    for name in UIDS:
        setattr(header, name, photograph[name].value if keep_identity else _replacement(photograph[name].value, salt))
    if not keep_identity:
        header.PatientIdentityRemoved = "YES"
        header.DeidentificationMethod = "Only technical attributes taken over, all UIDs replaced"
    return header


def eye(header: Dataset, laterality: str | None) -> str:
    """Return ``"R"``, ``"L"`` or ``""`` (unknown): from the header, else from the results.

    Raises:
        ValueError: If the results name another eye than the header.
    """
    measured = laterality if laterality in ("R", "L") else ""
    written = str(header.get("ImageLaterality") or header.get("Laterality") or "")  # of the image, or of its series
    if measured and written in ("R", "L") and measured != written:
        raise ValueError(
            f"laterality: expected {written!r} as the DICOM photograph says, but got {measured!r}; check which eye it is."
        )
    return written if written in ("R", "L") else measured


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path, stop_before_pixels=True)
    except InvalidDicomError as error:
        raise ValueError(
            "expected a DICOM photograph, but got another kind of file; a DICOM report or segmentation belongs to the "
            "study of a DICOM image, so take the tables, the masks or NIfTI."
        ) from error


def _check(photograph: Dataset) -> None:
    if missing := [name for name in ("SOPClassUID", "Rows", "Columns", *UIDS) if not photograph.get(name)]:
        raise ValueError(f"expected a DICOM image, but got one without {', '.join(missing)}.")
    if (frames := int(photograph.get("NumberOfFrames") or 1)) != 1:
        raise ValueError(
            f"expected a photograph of one frame, but got {frames} frames; export each frame as an image of its own."
        )


def _replacement(uid: str, salt: str | None) -> UID:
    return generate_uid(prefix=None) if salt is None else generate_uid(entropy_srcs=[salt, uid])
