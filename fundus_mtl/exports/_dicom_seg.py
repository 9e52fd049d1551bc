"""Disc and cup as a DICOM Segmentation that belongs to a photograph. Research use only.

`dciodvfy` reports no error. Its warnings are about private codes (DICOM's dictionaries have none for an optic cup) and,
without an identity, about empty attributes of patient and study that only a DICOMDIR needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import DataElement, Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import OphthalmicPhotography8BitImageStorage

from fundus_mtl.exports._dicom_document import SIDES, authorship, highdicom_module, private_code, write_dicom
from fundus_mtl.exports._dicom_source import eye, source_header
from fundus_mtl.notices import DISCLAIMER, SOFTWARE
from fundus_mtl.results import Makers, Model, Stage

Mask = NDArray[np.bool_]
SEGMENTS = (
    ("optic disc", codes.SCT.OpticDiscStructure, "disc"),
    ("optic cup", private_code("CUP", "Optic cup"), "cup"),
)


def write_seg(
    path_out: str | Path,
    source: str | Path | Dataset,
    disc: Mask,
    cup: Mask,
    model: Mapping[str, str],
    software_version: str,
    *,
    stages: Sequence[Stage] = (),
    laterality: str | None = None,
    keep_identity: bool = False,
    salt: str | None = None,
) -> None:
    """Write two segments: 1 is the optic disc, cup included, 2 the optic cup; an empty mask is an empty segment.

    Args:
        path_out: Path of the DICOM file.
        source: Photograph, as a file or a data set, of one frame.
        disc: Mask ``(H, W)``, bool, with the photograph's rows and columns.
        cup: Mask ``(H, W)``, bool.
        model: ``{"id": name, "sha256": of the weights}``.
        software_version: Version of this package.
        stages: Further models, see `Makers`; each segment names the model behind it.
        laterality: ``"R"`` or ``"L"``, for photographs whose header does not have it.
        keep_identity: Whether the file names the patient, as a file in a patient's study must; see `source_header`. By
            default it does not.
        salt: Secret for the new UIDs where the identity is not kept; see `source_header`.

    Raises:
        ImportError: If the extra ``dicom`` is not installed.
        ValueError: If `source_header` refuses the photograph, the masks are not bool with its size, or the photograph is of
            the other eye.
        OutputError: If the output cannot be written at all.
    """
    highdicom = highdicom_module()
    header = source_header(source, keep_identity, salt)
    makers = Makers(model, stages)
    models = makers.of([role for _, _, role in SEGMENTS])
    segmentation = highdicom.seg.Segmentation(
        source_images=[_as_enhanced_image(header)],
        pixel_array=np.stack([_checked(disc, header), _checked(cup, header)], axis=-1)[None],
        segmentation_type="BINARY",
        segment_descriptions=_descriptions(makers, software_version, eye(header, laterality)),
        omit_empty_frames=False,
        content_label="DISC_CUP",
        content_description="Optic disc (cup included) and optic cup",
        **authorship(models, software_version, "optic disc and cup"),
    )
    _complete(segmentation, header)
    write_dicom(path_out, segmentation)


def _checked(mask: Mask, header: Dataset) -> Mask:
    found, grid = np.asarray(mask), (header.Rows, header.Columns)
    if found.shape != grid or found.dtype != np.bool_:
        raise ValueError(f"mask: expected bool {grid} as the photograph, but got {found.dtype} {found.shape}.")
    return found


def _descriptions(makers: Makers, software_version: str, side: str) -> list[Any]:
    highdicom = highdicom_module()

    def described(number: int, label: str, code: Code, role: str) -> Any:
        description = highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=code,
            algorithm_type="AUTOMATIC",
            algorithm_identification=_algorithm(makers.of([role])[0], software_version),
        )
        if side:  # a Segmentation's series must not have a laterality, its segments may
            modifier = highdicom.sr.CodedConcept.from_code(SIDES[side])
            description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [modifier]
        return description

    return [described(number, *segment) for number, segment in enumerate(SEGMENTS, 1)]


def _algorithm(model: Model, software_version: str) -> Any:
    return highdicom_module().AlgorithmIdentificationSequence(
        name=model["id"],
        family=codes.DCM.ArtificialIntelligence,
        version=software_version,
        source=SOFTWARE,
        parameters={"model_sha256": model["sha256"]},
    )


def _as_enhanced_image(header: Dataset) -> Dataset:
    """Return a header that highdicom accepts as a source.

    For images that may have several frames highdicom (0.28) requires functional groups, which photographs do not have; for
    wide-field images it also requires a position in space, and every class has requirements of its own. So every photograph
    is given the plain class of ophthalmic photographs and placeholder groups, and `_complete` puts in the true values.
    """
    enhanced, measures, groups = deepcopy(header), Dataset(), Dataset()
    measures.PixelSpacing = [1, 1]
    groups.PixelMeasuresSequence = [measures]
    enhanced.pop("PixelSpacing", None)
    enhanced.SOPClassUID = OphthalmicPhotography8BitImageStorage
    enhanced.NumberOfFrames = 1
    enhanced.SharedFunctionalGroupsSequence = [groups]
    enhanced.PerFrameFunctionalGroupsSequence = [Dataset()]
    return enhanced


def _complete(segmentation: Dataset, header: Dataset) -> None:
    """Put in the photograph's true class wherever it is referred to, its spacing and its orientation."""

    def refer(_: Dataset, element: DataElement) -> None:
        if element.keyword == "ReferencedSOPClassUID":
            element.value = header.SOPClassUID

    segmentation.walk(refer)
    groups = segmentation.SharedFunctionalGroupsSequence[0]
    groups.pop("PixelMeasuresSequence", None)
    if header.get("PixelSpacing"):
        measures = Dataset()
        measures.PixelSpacing = header.PixelSpacing
        measures.SliceThickness = header.PixelSpacing[0]  # a photograph has none, but readers require a thickness
        groups.PixelMeasuresSequence = [measures]
    segmentation.PatientOrientation = header.get("PatientOrientation")
    segmentation.ImageComments = DISCLAIMER
