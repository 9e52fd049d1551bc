"""Errors of MLflow as one exception that other packages can catch without importing MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class TrackingError(Exception):
    """MLflow did not answer, or refused a call.

    Args:
        message: MLflow's message.
        code: MLflow's error code, such as ``RESOURCE_DOES_NOT_EXIST``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class TrackingRefusedError(TrackingError):
    """Settings of MLflow that the user can correct, or a server that is away; the text is all that is printed."""

    exit_code = 2


@contextmanager
def tracking_errors() -> Iterator[None]:
    """Raise every error of MLflow inside the ``with`` block as a `TrackingError`.

    Raises:
        TrackingError: With MLflow's message and error code.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise TrackingError(str(error), str(error.error_code)) from error
