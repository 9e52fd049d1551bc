"""What a run would do, in words, for ``fundus-mtl infer --dry-run``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SHOWN = 20  # photographs that cannot be opened; a folder may have thousands


def planned_run(record: Mapping[str, Any], total: int, pending: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield lines about the models and the photographs of a run.

    Args:
        record: First part of ``run.json``, see `run_record`.
        total: Number of photographs.
        pending: Photographs without a row, with ``id``, and ``error`` where they cannot be opened.
    """
    yield f"model: {_model(record['model'])}"
    for stage in record["stages"]:
        yield f"model for {', '.join(stage['roles'])}: {_model(stage)}"
    failing = [item for item in pending if "error" in item]
    yield f"photographs: {total}"
    yield f"to measure: {len(pending) - len(failing)}"
    yield f"done by an earlier run: {total - len(pending)}"
    yield f"cannot be opened: {len(failing)}"
    yield from (f"  {item['id']}: {item['error']}" for item in failing[:_SHOWN])
    if len(failing) > _SHOWN:
        yield f"  and {len(failing) - _SHOWN} more"


def _model(model: Mapping[str, Any]) -> str:
    return f"{model['id']}, SHA-256 {model['sha256'][:12]}…"
