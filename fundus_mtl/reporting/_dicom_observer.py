"""Who observed what a DICOM report says: the software, its models and what calibrated a score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from fundus_mtl.reporting._dicom_document import MANUFACTURER, highdicom_module
from fundus_mtl.reporting._dicom_quantities import SCORE
from fundus_mtl.reporting._makers import Makers, Model
from fundus_mtl.reporting._provenance import SOFTWARE

SEVERAL = " + "  # between the names of models


def algorithm_of(makers: Makers, roles: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Return name and parameters of what answered some roles: the models', and for a score what calibrated it."""
    models = makers.of(roles)
    parameters = [f"model_sha256={model['sha256']}" for model in models]
    if makers.calibration and set(roles) & set(SCORE):
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
