"""The experiment that runs belong to, of MLflow's kind for trainings."""

from __future__ import annotations

from typing import Any

from fundus_mtl.tracking._errors import TrackingError, TrackingRefusedError, tracking_errors

_KIND = "mlflow.experimentKind"
_TRAININGS = "custom_model_development"  # its page is that of training runs where MLflow chooses pages by the kind


def find_or_create_experiment(client: Any, name: str, artifact_location: str | None) -> str:
    """Return the id of an experiment, which is created if it does not exist; its kind is set if it has none.

    Args:
        client: client of MLflow.
        name: name of the experiment.
        artifact_location: address of the artifacts of a new experiment, see `artifact_folder`; None for the default of the
            server.

    Raises:
        TrackingRefusedError: if the name is not a text, or the experiment was deleted.
    """
    if not isinstance(name, str) or not name.strip():
        raise TrackingRefusedError(
            f"experiment_name: expected a text, but got {name!r}; write it in quotes.", "INVALID_PARAMETER_VALUE"
        )
    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            with tracking_errors():
                return str(
                    client.create_experiment(name, artifact_location=artifact_location, tags={_KIND: _TRAININGS})
                )
        except TrackingError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":  # another training has created it meanwhile
                raise
            known = client.get_experiment_by_name(name)
    if known.lifecycle_stage != "active":
        raise TrackingRefusedError(
            f"experiment_name: expected an experiment that MLflow can use, but got {name!r}, which was deleted; restore it "
            "with `mlflow experiments restore`, or choose another name.",
            "INVALID_STATE",
        )
    if _KIND not in known.tags:
        client.set_experiment_tag(known.experiment_id, _KIND, _TRAININGS)
    return str(known.experiment_id)
