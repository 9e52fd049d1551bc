"""Side, scale and burned-in annotation of a DICOM header.

Sources: DICOM PS3.3 C.8.17.5 (Ocular Region Imaged), C.7.3.1 and C.7.6.16.2.8 (laterality), C.7.6.16.2.1 (pixel measures),
C.7.1.x burned-in annotation; CID 244 for the codes of sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal

from fundus_mtl.photographs._dicom import dicom_head, frames_of, opened
from fundus_mtl.photographs._header_facts import ILLEGAL_SPACING, NO_SPACING, HeaderFacts, ScaleFacts, scale_facts

if TYPE_CHECKING:
    from pydicom import Dataset

_SIDE_CODES = {"24028007": "R", "G-A100": "R", "7771000": "L", "G-A101": "L", "51440002": "B", "G-A102": "B"}
_SIDES: dict[str, Literal["R", "L"]] = {"R": "R", "L": "L"}


def dicom_facts(file: BinaryIO, frame: int | None) -> HeaderFacts:
    """Return side, scale and burned-in annotation; illegal values are unknown, and ``scale_fault`` names an illegal scale.

    The spacing is that of PixelSpacing, whose first number is the distance of rows, so y. The detector's own spacing
    (ImagerPixelSpacing, NominalScannedPixelSpacing) does not hold on the retina and is not used.

    Args:
        file: open file, at its start.
        frame: Number of the frame, from 1; None for a file of one frame.

    Raises:
        UnreadableImageError: if the file is no photograph.
    """
    with opened(dicom_head(file)) as header:
        frames_of(header)
        groups = list(_groups(header, (frame or 1) - 1))
        side = next((side for side in _sides(header, groups) if side), "")
        burned = {"YES": "yes", "NO": "no"}
        return {
            "laterality": _SIDES.get(side, "unknown"),
            **_scale(header, groups),
            "burned_in": burned.get(_text(header, "BurnedInAnnotation")),  # type: ignore[typeddict-item]
        }


def _groups(header: Dataset, index: int) -> Iterator[Dataset]:
    """Yield the functional groups of the frame, then those that all frames share."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    if index < len(per_frame):
        yield per_frame[index]
    yield from header.get("SharedFunctionalGroupsSequence") or []


def _sides(header: Dataset, groups: list[Dataset]) -> Iterator[str]:
    """Yield the side of each place, the most specific place first: R, L, B, or nothing."""
    yield _text(header, "ImageLaterality")
    yield _text(header, "Laterality")
    for group in groups:
        for anatomy in group.get("FrameAnatomySequence") or []:
            yield _text(anatomy, "FrameLaterality")
            yield from _region_sides(anatomy)
    yield from _region_sides(header)


def _region_sides(dataset: Dataset) -> Iterator[str]:
    for region in dataset.get("AnatomicRegionSequence") or []:
        yield _text(region, "ImageLaterality")
        for modifier in region.get("AnatomicRegionModifierSequence") or []:
            yield _SIDE_CODES.get(_text(modifier, "CodeValue"), "")


def _scale(header: Dataset, groups: list[Dataset]) -> ScaleFacts:
    """Return the first legal spacing; the fault of an illegal one where there is no legal one."""
    measures = [measure for group in groups for measure in group.get("PixelMeasuresSequence") or []]
    found = [_spacing(dataset) for dataset in (header, *measures)]
    return next(
        (scale for scale in found if scale["mm_per_px"]), next((s for s in found if s["scale_fault"]), NO_SPACING)
    )


def _spacing(dataset: Dataset) -> ScaleFacts:
    try:
        given = dataset.get("PixelSpacing")
        if given is None or given == "":
            return NO_SPACING
        y, x = (float(value) for value in given)
    except (TypeError, ValueError):  # one number, three, or no number at all
        return {"mm_per_px": None, "scale_fault": ILLEGAL_SPACING}
    return scale_facts(x, y)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return value.strip().upper() if isinstance(value, str) else ""
