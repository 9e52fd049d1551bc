"""A finished folder's results for other programs: a REFUGE submission, NIfTI, DICOM SR and SEG. Research use only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.exports._dicom_seg import write_seg
from fundus_mtl.exports._dicom_sr import write_sr
from fundus_mtl.exports._refuge import RefugeSubmission
from fundus_mtl.metrics.refuge import BACKGROUND, CUP
from fundus_mtl.photographs import PHOTOGRAPH_EXTENSIONS, FundusReader, find_photographs, photograph_file
from fundus_mtl.results import RUN, Makers, picture_name, picture_path, write_nifti

RESULTS = "results.jsonl"
Row = Mapping[str, Any]
LeftOut = dict[str, str]


def export_refuge(results: str | Path, out: str | Path, training: bool = False) -> LeftOut:
    """Write a REFUGE submission, see `RefugeSubmission`; photographs are called by their file's name without suffix.

    Args:
        results: folder that a run wrote.
        out: folder for the submission.
        training: whether the photographs are REFUGE's training split.

    Returns:
        The reason for each photograph that is not in it, or not whole.

    Raises:
        ValueError: if the folder holds no finished results.
        OutputError: if it cannot be written.
    """
    submission = RefugeSubmission(out, training)

    def add(row: Row, codes: NDArray[np.uint8] | None) -> None:
        place = (row.get("fovea_x_px"), row.get("fovea_y_px"))
        fovea = None if place[0] is None or place[1] is None else (float(place[0]), float(place[1]))
        submission.add(_stem(row["image_id"]), codes, row.get("glaucoma_prob"), fovea)

    left_out = _each(Path(results), add)
    for part, names in submission.finish().items():
        left_out |= {name: f"it has no {part}, without which the official code gives no result" for name in names}
    return left_out


def export_nifti(results: str | Path, out: str | Path) -> LeftOut:
    """Write each photograph's mask as ``<id>.nii.gz``: 0 background, 1 rim of the disc, 2 cup; see `write_nifti`.

    Arguments, result and errors are those of `export_refuge`.
    """

    def write(row: Row, codes: NDArray[np.uint8] | None) -> None:
        if codes is None:
            raise ValueError("no disc was asked for")
        labels = np.where(codes == CUP, 2, np.where(codes == BACKGROUND, 0, 1)).astype(np.uint8)
        scale = (row.get("mm_per_px_x"), row.get("mm_per_px_y"))
        known = None if scale[0] is None or scale[1] is None else (float(scale[0]), float(scale[1]))
        write_nifti(Path(out) / f"{picture_name(row['image_id'])}.nii.gz", labels, known)

    return _each(Path(results), write)


def export_dicom(
    results: str | Path, out: str | Path, photographs: str | Path, keep_identity: bool = False, salt: str | None = None
) -> LeftOut:
    """Write ``<id>.SR.dcm`` and ``<id>.SEG.dcm`` of each photograph that is DICOM; see `write_sr` and `write_seg`.

    Args:
        results: folder that a run wrote, under the photographs' own names.
        out: folder for the objects.
        photographs: folder or list that the run looked at.
        keep_identity: whether the objects say who the patient is.
        salt: of new UIDs where they do not; by default a random one, the same for all, so that what belongs together does.

    Returns:
        The reason for each photograph that has none.

    Raises:
        ValueError: if the folder holds no finished results, or they are under pseudonyms.
        OutputError: if they cannot be written.
    """
    run = _run(Path(results))
    makers, version = Makers.of_run(run), run["software_version"]
    salt = secrets.token_hex(16) if salt is None and not keep_identity else salt
    files = {str(item["id"]): str(item["image"]) for item in find_photographs(photographs)}

    def write(row: Row, codes: NDArray[np.uint8] | None) -> None:
        if row["image_id"] not in files:
            raise ValueError(
                "it is under a pseudonym, or not among the photographs, so that its DICOM file is not known"
            )
        source, target = photograph_file(files[row["image_id"]]), Path(out) / picture_name(row["image_id"])
        said: dict[str, Any] = {"stages": makers.stages, "keep_identity": keep_identity, "salt": salt}
        write_sr(f"{target}.SR.dcm", source, row, makers.first, version, calibration=makers.calibration, **said)
        if codes is not None:
            disc, cup, eye = codes != BACKGROUND, codes == CUP, row.get("laterality")
            write_seg(f"{target}.SEG.dcm", source, disc, cup, makers.first, version, laterality=eye, **said)

    return _each(Path(results), write)


def _each(results: Path, write: Callable[[Row, NDArray[np.uint8] | None], None]) -> LeftOut:
    """Call ``write`` with the row and the mask's codes of every measured photograph; keep the reasons of the others."""
    from tqdm import tqdm

    _run(results)
    left_out: LeftOut = {}
    for row in tqdm(list(_rows(results)), desc="exporting", disable=None):
        name = str(row["image_id"])
        if row["status"] != "ok":
            left_out[name] = f"{row['status']}: {row.get('status_reason') or 'no reason given'}"
            continue
        try:
            write(row, _codes(results, name))
        except (ValueError, OSError) as error:
            left_out[name] = str(error)
    return left_out


def _stem(name: str) -> str:
    """Return the last part of a name without the suffix of a picture; other dots are the name's own."""
    last = name.rsplit("/", 1)[-1]
    suffix = next((suffix for suffix in PHOTOGRAPH_EXTENSIONS if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)]


def _rows(results: Path) -> Iterator[Row]:
    with (results / RESULTS).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _codes(results: Path, name: str) -> NDArray[np.uint8] | None:
    """Return the mask ``(H, W)`` in REFUGE's codes; None where no disc was asked for."""
    path = picture_path(results, "masks", name)
    return FundusReader(mode="mask")(path)[0] if path.is_file() else None


def _run(results: Path) -> dict[str, Any]:
    """Return the record of a finished run.

    Raises:
        ValueError: if there is none.
    """
    try:
        record: dict[str, Any] = json.loads((results / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    if not (results / RESULTS).is_file() or "model" not in record:
        raise ValueError(
            f"expected the results of `fundus-mtl infer`, but got none in {results.name!r}; run that first."
        )
    if record.get("state") != "completed":
        raise ValueError(f"expected a run that ended, but got one that {record.get('state')}; let it go on first.")
    return record
