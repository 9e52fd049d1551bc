"""The measurements of a photograph as a DICOM Structured Report (TID 1500). Research use only.

`dciodvfy` reports no error. Its warnings are about private codes and, without an identity, about empty
attributes of patient and study that only a DICOMDIR needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from fundus_mtl.exports._dicom_document import MANUFACTURER, SIDES, authorship, highdicom_module, write_dicom
from fundus_mtl.exports._dicom_quantities import ReportedNumber, reported
from fundus_mtl.exports._dicom_source import eye, source_header
from fundus_mtl.notices import DISCLAIMER, SOFTWARE
from fundus_mtl.results import (
    Cup,
    Disc,
    Fovea,
    Glaucoma,
    Layout,
    Makers,
    Measure,
    Model,
    ReportedQuantity,
    Stage,
    Value,
    quantities_of_run,
)


def write_sr(
    path_out: str | Path,
    source: str | Path | Dataset,
    row: Mapping[str, Value],
    model: Mapping[str, str],
    software_version: str,
    *,
    stages: Sequence[Stage] = (),
    calibration: str | None = None,
    measurements: Sequence[ReportedQuantity] | None = None,
    keep_identity: bool = False,
    salt: str | None = None,
) -> None:
    """Write the measurements, the models behind them, and the disclaimer.

    If one model is behind all measurements, their group names it; otherwise each measurement names its own.

    Args:
        path_out: Path of the DICOM file.
        source: Photograph, as a file or a data set, of one frame.
        row: Columns of results.csv; numbers, or text as in the table. A missing measurement is left out. The report also
            has ``laterality``, ``flags`` and the source of the millimetres (``scale_source``).
        model: ``{"id": name, "sha256": of the weights}``.
        software_version: Version of this package.
        stages: Further models, see `Makers`.
        calibration: SHA-256 of what the score was calibrated with.
        measurements: Quantities to report, see `fundus_mtl.results.quantities_of_run`; None for those of disc, cup, fovea
            and glaucoma.
        keep_identity: Whether the file names the patient, as a file in a patient's study must; see `source_header`. By
            default it does not.
        salt: Secret for the new UIDs where the identity is not kept; see `source_header`.

    Raises:
        ImportError: If the extra ``dicom`` is not installed.
        ValueError: If `source_header` refuses the photograph, the row names the other eye or its ``status`` is not ``ok``,
            nothing was measured, or a measurement is not a number.
        OutputError: If the output cannot be written at all.
    """
    highdicom = highdicom_module()
    header = source_header(source, keep_identity, salt)
    if (status := row.get("status", "ok")) != "ok":
        raise ValueError(f"row: expected the status ok, but got {status!r}; such a photograph has no report.")
    if not (found := reported(row, _standard() if measurements is None else measurements)):
        raise ValueError("row: expected a measurement at least, but got none; such a photograph has no report.")
    makers = Makers(model, stages, calibration)
    models = makers.of({role for number in found for role in number.roles})
    side = eye(header, str(row.get("laterality") or ""))
    document = highdicom.sr.Comprehensive3DSR(
        evidence=[header],
        content=_content(header, found, side, _remarks(row), makers, software_version),
        is_complete=True,
        is_final=False,
        **authorship(models, software_version, "disc and fovea"),
    )
    write_dicom(path_out, document)


def _standard() -> tuple[ReportedQuantity, ...]:
    """Return the quantities of the roles that a report is usually about."""
    roles = [Disc(None), Cup(None), Fovea(None), Glaucoma(None)]
    return quantities_of_run({"exported": Layout.of(Measure(roles)).exported()})


def _content(
    header: Dataset,
    found: list[ReportedNumber],
    side: str,
    remarks: list[str],
    makers: Makers,
    software_version: str,
) -> Any:
    """Return the root of the report: the observer, one group of measurements, and the remarks."""
    sr = highdicom_module().sr
    every = {role for number in found for role in number.roles}
    common = len({algorithm_of(makers, number.roles, number.calibrated) for number in found}) == 1

    def algorithm(number: ReportedNumber) -> Any:
        name, parameters = algorithm_of(makers, number.roles, number.calibrated)
        return sr.AlgorithmIdentification(name, software_version, parameters=list(parameters))

    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(prefix=None), identifier="optic disc and fovea"),
        algorithm_id=algorithm(found[0]) if common else None,
        finding_sites=[sr.FindingSite(codes.SCT.Eye, laterality=SIDES.get(side))],
        source_images=[sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)],
        measurements=[
            sr.Measurement(number.name, number.value, number.unit, algorithm_id=None if common else algorithm(number))
            for number in found
        ],
    )
    report = sr.MeasurementReport(
        observation_context=observer(makers.of(every)),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    report[0].ContentSequence.extend(
        sr.TextContentItem(codes.DCM.Comment, remark, relationship_type="CONTAINS") for remark in remarks
    )
    return report


def _remarks(row: Mapping[str, Value]) -> list[str]:
    remarks = {"Flags": row.get("flags"), "Scale of the millimetres": row.get("scale_source")}
    return [DISCLAIMER, *(f"{what}: {value}" for what, value in remarks.items() if value)]


SEVERAL = " + "  # between the names of models


def algorithm_of(makers: Makers, roles: Collection[str], calibrated: bool) -> tuple[str, tuple[str, ...]]:
    """Return name and parameters of what answered some roles: the models, and the calibration where it has one."""
    models = makers.of(roles)
    parameters = [f"model_sha256={model['sha256']}" for model in models]
    if makers.calibration and calibrated:
        parameters.append(f"calibration_sha256={makers.calibration}")
    return SEVERAL.join(model["id"] for model in models), tuple(parameters)


def observer(models: Sequence[Model]) -> Any:
    """Return the software with its models; the same weights are the same observer."""
    sr = highdicom_module().sr
    hashes = [model["sha256"] for model in models]
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=generate_uid(entropy_srcs=[SOFTWARE, *hashes]),
        name=SOFTWARE,
        manufacturer_name=MANUFACTURER,
        model_name=SEVERAL.join(model["id"] for model in models),
        serial_number=SEVERAL.join(hashes),
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device))
