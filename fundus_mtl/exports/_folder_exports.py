"""A finished folder's results for other programs: a REFUGE submission, NIfTI, DICOM SR and SEG. Research use only."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.exports._finished_folder import LeftOut, Row, each_measured, finished_run, written_mask
from fundus_mtl.exports._names_file import read_names
from fundus_mtl.exports._refuge_submission import RefugeSubmission
from fundus_mtl.metrics.refuge import BACKGROUND, CUP
from fundus_mtl.photographs import PHOTOGRAPH_EXTENSIONS, find_photographs, photograph_file
from fundus_mtl.results import (
    Makers,
    masks_of_run,
    picture_name,
    quantities_of_run,
    write_nifti,
)

CODES = "masks"  # folder of the masks in REFUGE's codes


def export_refuge(
    results: str | Path, out: str | Path, training: bool = False, names: str | Path | None = None
) -> LeftOut:
    """Write a REFUGE submission, see `RefugeSubmission`; photographs are named by their file's name without suffix.

    Args:
        results: Folder that a run wrote.
        out: Folder for the submission.
        training: Whether the photographs are REFUGE's training split.
        names: CSV file with other names, see `read_names`; needed where photographs in several folders have the same file
            name. Photographs that it does not list keep their file's name.

    Returns:
        The reason for each photograph that is not in it, or not whole.

    Raises:
        ValueError: If the folder holds no finished results, or the names are refused.
        OutputError: If it cannot be written.
    """
    submission, folder = RefugeSubmission(out, training), Path(results)
    named = {} if names is None else read_names(names)

    def add(row: Row) -> None:
        place = (row.get("fovea_x_px"), row.get("fovea_y_px"))
        fovea = None if place[0] is None or place[1] is None else (float(place[0]), float(place[1]))
        codes = written_mask(folder, CODES, str(row["image_id"]))
        name = named.get(row["image_id"], _stem(row["image_id"]))
        submission.add(name, codes, row.get("glaucoma_prob"), fovea)

    left_out = each_measured(folder, out, add)
    for part, missing in submission.finish().items():
        left_out |= {name: f"it has no {part}, without which the official code gives no result" for name in missing}
    return left_out


def export_nifti(results: str | Path, out: str | Path) -> LeftOut:
    """Write the masks of each photograph as NIfTI labels; see `write_nifti`.

    ``<id>.nii.gz`` has 0 background, 1 rim of the disc, 2 cup; ``<id>_artery_vein.nii.gz`` 1 artery, 2 vein, 3 both;
    ``<id>_vessels.nii.gz`` 1 vessel; a role of your own has ``<id>_<folder>.nii.gz``.

    Args:
        results: Folder that a run wrote.
        out: Folder for the files.

    Returns:
        The reason for each photograph that has none.

    Raises:
        ValueError: If the folder holds no finished results.
        OutputError: If they cannot be written.
    """
    folder = Path(results)
    masks = masks_of_run(finished_run(folder))
    written: set[Path] = set()

    def write(row: Row) -> None:
        name = str(row["image_id"])
        found = [(mask, values) for mask in masks if (values := written_mask(folder, mask.folder, name)) is not None]
        if not found:
            raise ValueError("no mask was asked for")
        scale = (row.get("mm_per_px_x"), row.get("mm_per_px_y"))
        known = None if scale[0] is None or scale[1] is None else (float(scale[0]), float(scale[1]))
        for mask, values in found:
            suffix = "" if mask.folder == CODES else f"_{mask.folder}"
            target = Path(out) / f"{picture_name(name)}{suffix}.nii.gz"
            if target in written:  # the photographs x, with arteries, and x_artery_vein
                raise ValueError(f"expected a file of its own, but got {target.name}, which another photograph has")
            written.add(target)
            write_nifti(target, _labels(values, mask.labels), known)

    return each_measured(folder, out, write)


def export_dicom(
    results: str | Path, out: str | Path, photographs: str | Path, keep_identity: bool = False, salt: str | None = None
) -> LeftOut:
    """Write ``<id>.SR.dcm`` and ``<id>.SEG.dcm`` of each photograph that is DICOM; see `write_sr` and `write_seg`.

    Args:
        results: Folder that a run wrote, under the photographs' own names.
        out: Folder for the objects.
        photographs: Folder or list that the run measured.
        keep_identity: Whether the objects name the patient.
        salt: Secret for new UIDs where they do not. By default a random one, the same for all, so that results of the same
            photograph or study stay together.

    Returns:
        The reason for each photograph that has none.

    Raises:
        ValueError: If the folder holds no finished results, or they are under pseudonyms.
        OutputError: If they cannot be written.
    """
    from fundus_mtl.exports._dicom_seg import write_seg
    from fundus_mtl.exports._dicom_sr import write_sr

    folder, run = Path(results), finished_run(Path(results))
    makers, version, measurements = Makers.of_run(run), run["software_version"], quantities_of_run(run)
    salt = secrets.token_hex(16) if salt is None and not keep_identity else salt
    files = {str(item["id"]): str(item["image"]) for item in find_photographs(photographs)}

    def write(row: Row) -> None:
        if row["image_id"] not in files:
            raise ValueError(
                "it is under a pseudonym, or not among the photographs, so that its DICOM file is not known"
            )
        source, target = photograph_file(files[row["image_id"]]), Path(out) / picture_name(row["image_id"])
        shared: dict[str, Any] = {"stages": makers.stages, "keep_identity": keep_identity, "salt": salt}
        report: dict[str, Any] = {"calibration": makers.calibration, "measurements": measurements}
        write_sr(f"{target}.SR.dcm", source, row, makers.first, version, **report, **shared)
        codes, eye = written_mask(folder, CODES, str(row["image_id"])), row.get("laterality")
        if codes is not None:
            disc, cup = codes != BACKGROUND, codes == CUP
            write_seg(f"{target}.SEG.dcm", source, disc, cup, makers.first, version, laterality=eye, **shared)

    return each_measured(folder, out, write)


def _stem(name: str) -> str:
    """Return the last part of a name without the suffix of a picture; other dots are the name's own."""
    last = name.rsplit("/", 1)[-1]
    suffix = next((suffix for suffix in PHOTOGRAPH_EXTENSIONS if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)]


def _labels(values: NDArray[np.uint8], labels: Mapping[int, int]) -> NDArray[np.uint8]:
    """Return the labels of values from 0 to 255; a value that the run did not declare is an error.

    Raises:
        ValueError: If there is such a value.
    """
    if unknown := set(np.unique(values).tolist()) - labels.keys():
        raise ValueError(f"mask: expected the values {sorted(labels)}, but got {sorted(unknown)} too.")
    found = np.zeros(256, np.uint8)
    found[list(labels)] = list(labels.values())
    return np.asarray(found[values])
