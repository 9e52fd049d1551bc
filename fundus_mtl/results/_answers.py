"""The network's answers as NumPy arrays, whatever they lie in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl import biomarkers

Mask = NDArray[np.bool_]
RIM, CUP, BACKGROUND = 128, 0, 255


def as_array(answer: Any) -> NDArray[Any] | None:
    """Return a tensor or array as NumPy, wherever it lies; None stays None."""
    return None if answer is None else np.asarray(answer.cpu() if hasattr(answer, "cpu") else answer)


def as_mask(answer: NDArray[Any] | None, role: str, shape: tuple[int, ...]) -> Mask | None:
    """Return the mask ``(H, W)`` of an answer ``(1, H, W)``, nonzero inside; None stays None.

    Raises:
        ValueError: if it has not the photograph's size.
    """
    if answer is None:
        return None
    if answer.shape[-2:] != shape or answer.size != shape[0] * shape[1]:
        raise ValueError(f"mask {role}: expected the photograph's size {shape}, but got {answer.shape}.")
    return answer.reshape(shape) > 0


def cleaned(disc: Mask | None, cup: Mask | None) -> tuple[Mask | None, Mask | None]:
    """Return the disc as one solid thing and the cup inside it; a cup without any disc asked for stays as it is."""
    if disc is None:
        return None, cup
    return biomarkers.clean_disc_cup(disc, cup) if cup is not None else (biomarkers.clean_disc(disc), None)


def refuge_codes(disc: Mask | None, cup: Mask | None) -> NDArray[np.uint8] | None:
    """Return REFUGE's codes ``(H, W)``: 0 cup, 128 rim, 255 background; None where there is neither mask."""
    given = [(mask, code) for mask, code in ((disc, RIM), (cup, CUP)) if mask is not None]
    if not given:
        return None
    codes = np.full(given[0][0].shape, BACKGROUND, np.uint8)
    for mask, code in given:
        codes[mask] = code
    return codes


def answered(state: Any) -> list[Mapping[str, Any]]:
    """Return the samples with their ids, which MONAI leaves in the batch unless the engine repeats them."""
    batch = state.batch if isinstance(state.batch, list) else [{}] * len(state.output)
    return [
        sample if "id" in sample else {**sample, "id": source["id"]}
        for source, sample in zip(batch, state.output, strict=True)
    ]
