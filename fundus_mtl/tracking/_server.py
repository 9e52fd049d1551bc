"""An MLflow server: asked once before a training, and waited for briefly later on."""

from __future__ import annotations

from fundus_mtl.tracking._errors import TrackingRefusedError

_PATIENCE = 10  # seconds for an answer to the first question
_PATIENCE_LATER = 5


def expect_server(tracking_uri: str) -> None:
    """Raise an error at once if a server does not answer; by default, MLflow tries for five minutes without a message.

    Any answer will do, also that of a login page. Later calls are repeated for some seconds only, as metrics that could not
    be sent are kept; set ``MLFLOW_HTTP_REQUEST_MAX_RETRIES`` and ``MLFLOW_HTTP_REQUEST_TIMEOUT`` for more patience.

    Args:
        tracking_uri: Address of the tracking store; only addresses of servers are asked.

    Raises:
        TrackingRefusedError: If nothing answers within ten seconds.
    """
    if not _is_server(tracking_uri):
        return
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES, MLFLOW_HTTP_REQUEST_TIMEOUT

    for variable, value in ((MLFLOW_HTTP_REQUEST_MAX_RETRIES, 2), (MLFLOW_HTTP_REQUEST_TIMEOUT, 30)):
        if not variable.is_set():
            variable.set(value)
    if (fault := _no_answer(tracking_uri, _PATIENCE)) is not None:
        raise TrackingRefusedError(
            f"tracking_uri: expected an MLflow server that answers, but got {fault}; start the server, correct the address, "
            "or write tracking_uri=null for no tracking.",
            "TEMPORARILY_UNAVAILABLE",
        )


def answers(tracking_uri: str) -> bool:
    """Return whether a server answers, within five seconds; True for addresses that are no servers.

    MLflow itself repeats a call to a server that is away, and waits long for one that hangs. So a training asks first.
    """
    return not _is_server(tracking_uri) or _no_answer(tracking_uri, _PATIENCE_LATER) is None


def _is_server(tracking_uri: str) -> bool:
    return tracking_uri.startswith(("http://", "https://"))


def _no_answer(address: str, patience: float) -> str | None:
    """Return the kind of error if nothing answers; any answer will do."""
    import requests

    try:
        requests.get(address, timeout=patience, stream=True, allow_redirects=False).close()
    except requests.RequestException as error:
        return type(error).__name__
    return None
