"""Convert the results of metrics to named numbers, the only kind of metric that MLflow can plot."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

LONGEST_VECTOR = 32  # longer metrics are tables, not curves
_logger = logging.getLogger(__name__)


def metric_name(name: str) -> str:
    """Replace characters that MLflow does not allow in a name by underscores."""
    return re.sub(r"[^\w.\- /]", "_", name)


def scalars(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Flatten metrics to named numbers; other values are skipped with a warning.

    Args:
        metrics: Values by name: a number, a tensor or array without or with one dimension (up to 32 entries become
            ``name_0``, ``name_1`` …), or a dictionary of these (``name_key``). NaN stays NaN.
        prefix: text put before every name that does not start with it.
    """
    found: dict[str, float] = {}
    for name, value in metrics.items():
        full = str(name) if str(name).startswith(prefix) else f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= scalars({f"{full}_{key}": entry for key, entry in value.items()})
            continue
        numbers = _numbers(value)
        if numbers is None:
            _logger.warning("%s is not a number or a short vector: not sent to MLflow.", full)
        elif isinstance(numbers, float):
            found[metric_name(full)] = numbers
        else:
            found |= {metric_name(f"{full}_{i}"): number for i, number in enumerate(numbers)}
    return found


def _numbers(value: Any) -> float | list[float] | None:
    from torch import Tensor

    if value is None or isinstance(value, str):
        return None
    try:
        array = np.asarray(value.detach().double().cpu() if isinstance(value, Tensor) else value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if array.ndim > 1 or array.size > LONGEST_VECTOR:
        return None
    return float(array) if array.ndim == 0 else [float(entry) for entry in array]
