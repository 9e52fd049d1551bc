"""Turn what metrics return into numbers with names, which is all that MLflow draws."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

LONGEST_VECTOR = 32  # longer metrics are tables, not curves
_logger = logging.getLogger(__name__)


def metric_name(name: str) -> str:
    """Replace what MLflow does not take in a name by an underscore."""
    return re.sub(r"[^\w.\- /]", "_", name)


def scalars(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Flatten metrics to numbers with names; what is no number is left out with a line in the log.

    Args:
        metrics: name to a number, a tensor or array of none or one dimension (up to 32 entries become ``name_0``,
            ``name_1`` …), or a dictionary of these (``name_key``). NaN stays NaN.
        prefix: put before every name that does not begin with it.
    """
    found: dict[str, float] = {}
    for name, value in metrics.items():
        full = str(name) if str(name).startswith(prefix) else f"{prefix}{name}"
        if isinstance(value, Mapping):
            found |= scalars({f"{full}_{key}": entry for key, entry in value.items()})
            continue
        numbers = _numbers(value)
        if numbers is None:
            _logger.warning("%s is no number and no short vector: not sent to MLflow.", full)
        elif isinstance(numbers, float):
            found[metric_name(full)] = numbers
        else:
            found |= {metric_name(f"{full}_{i}"): number for i, number in enumerate(numbers)}
    return found


def _numbers(value: Any) -> float | list[float] | None:
    if value is None or isinstance(value, str):
        return None
    try:
        array = np.asarray(value.detach().double().cpu() if isinstance(value, Tensor) else value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if array.ndim > 1 or array.size > LONGEST_VECTOR:
        return None
    return float(array) if array.ndim == 0 else [float(entry) for entry in array]
