"""What DICOM reports and segmentations have in common: authorship, private codes, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from fundus_mtl.notices import SOFTWARE
from fundus_mtl.results import Model, write_output

SCHEME = "99FUNDUSMTL"  # private: DICOM's dictionaries have no codes for an optic cup and its ratio to the disc
MANUFACTURER = "fundus_mtl contributors"
RESEARCH_USE = "Research use only"
SIDES = {"R": codes.SCT.Right, "L": codes.SCT.Left}


def private_code(value: str, meaning: str) -> Code:
    """Return a code of this package's private scheme: at most 16 characters, with a meaning of at most 64."""
    return Code(value, SCHEME, meaning)


def highdicom_module() -> ModuleType:
    """Return the package highdicom.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import highdicom
        import highdicom.coding_schemes
    except ImportError as error:
        raise ImportError(
            "expected the package highdicom to write DICOM, but it is not installed; "
            "run: pip install 'fundus-mtl[dicom]'."
        ) from error
    return highdicom


def authorship(models: Sequence[Model], software_version: str, description: str) -> dict[str, Any]:
    """Return the arguments of highdicom's documents about their origin, with new UIDs for the series and the instance.

    Args:
        models: Models behind the content, at most three, with the ``sha256`` of their weights.
        software_version: Version of this package.
        description: Description of the series, at most 40 characters, since "Research use only" is put before it.
    """
    schemes = highdicom_module().coding_schemes
    return {
        "series_instance_uid": generate_uid(prefix=None),
        "sop_instance_uid": generate_uid(prefix=None),
        "series_number": 1,
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": SOFTWARE,
        "software_versions": software_version,
        "device_serial_number": "+".join(model["sha256"][:16] for model in models),
        "series_description": f"{RESEARCH_USE}: {description}",
        "coding_schemes": [
            schemes.CodingSchemeIdentificationItem(
                SCHEME, name="codes of the software fundus_mtl", responsible_organization=MANUFACTURER
            )
        ],
        "specific_character_set": "ISO_IR 192",  # UTF-8: names of any alphabet
    }


def write_dicom(path_out: str | Path, document: Dataset) -> None:
    """Write a document as a DICOM file, whole or not at all."""
    stream = BytesIO()
    dcmwrite(stream, document, enforce_file_format=True)
    write_output(Path(path_out), stream.getvalue())
