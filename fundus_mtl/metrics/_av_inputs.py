"""Checks of the arguments of `fundus_mtl.metrics.av.evaluate`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.metrics._av_truth import Mask

Scores = NDArray[np.floating]


def boolean_mask(mask: ArrayLike | None, name: str, shape: tuple[int, ...]) -> Mask | None:
    """Return the mask as an array; raise if it is not boolean or does not have the shape of the truth."""
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != bool:
        raise ValueError(f"{name}: expected booleans, but got {array.dtype}; apply a threshold first.")
    if array.shape != shape:
        raise ValueError(f"{name}: expected the truth's shape {shape}, but got {array.shape}.")
    return array


def as_probability(values: ArrayLike | None, name: str, shape: tuple[int, ...]) -> Scores | None:
    """Return the probabilities as an array; raise if they are not floats, not of the truth's shape, or NaN."""
    if values is None:
        return None
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name}: expected floating-point numbers, but got {array.dtype}.")
    if array.shape != shape:
        raise ValueError(f"{name}: expected the truth's shape {shape}, but got {array.shape}.")
    if array.size and np.isnan(array.min()):
        raise ValueError(f"{name}: expected a number in every pixel, but got NaN.")
    return array
