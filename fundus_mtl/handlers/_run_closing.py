"""Give an MLflow run its last numbers, its files, its status, and its place among the registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fundus_mtl.handlers._registration import register_bundle
from fundus_mtl.handlers._store import close_client, log_paths

if TYPE_CHECKING:
    from fundus_mtl.handlers._run import RunHandler


def close_run(handler: RunHandler, run: Any, status: str) -> None:
    """End a run: it has its status even if something before fails, and is registered only if nothing did."""
    run_id = run.info.run_id
    try:
        try:
            if handler.monitor is not None:
                handler.monitor.finish()
            handler.curves.send(run_id)
            log_paths(handler.client, run_id, handler.artifacts)
        finally:
            handler.client.set_terminated(run_id, status)
        if handler.registered_model is not None and status == "FINISHED":
            register_bundle(handler.client, run, handler.registered_model)
    finally:
        handler.monitor = None
        close_client(handler.client)
