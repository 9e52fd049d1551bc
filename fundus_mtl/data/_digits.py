"""Two-task data sets of handwritten digits.

* ``even_odd``: task ``even`` classifies 0, 2, 4, 6, 8 and task ``odd`` 1, 3, 5, 7, 9; each image has the label of only
  one task. Source: MT-COOL, section 3.1.
* ``multi``: two different digits in one image; task ``left`` classifies the top-left digit and ``right`` the
  bottom-right one, ten classes each. Source: MultiMNIST as in MAMG, section IV-A, after Sener and Koltun 2018: images
  of 28 px, one of them shifted by 8 px right and down, the maximum of both at each pixel, the 36 px resized to 28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.data._array_set import Arrays, ArraySet

Images = NDArray[np.uint8]
SIZE = 28  # px
_SHIFT = 8  # px


class Digits(NamedTuple):
    """Images ``(N, 28, 28)`` uint8, the digit ``(N,)`` on each image, and the ids ``(N,)`` of the images."""

    images: Images
    digits: NDArray[np.uint8]
    ids: NDArray[np.str_]


def even_odd(part: Digits, rng: np.random.Generator) -> Arrays:
    """Return the arrays of ``even`` and ``odd``: class c is the digit 2c, or 2c + 1; ``rng`` is not used."""
    even = part.digits % 2 == 0
    half = (part.digits // 2).astype(np.uint8)
    return {
        "id": part.ids,
        "image": part.images,
        "even": np.where(even, half, 0).astype(np.uint8),
        "even_present": even,
        "odd": np.where(even, 0, half).astype(np.uint8),
        "odd_present": ~even,
    }


def left_right(part: Digits, rng: np.random.Generator) -> Arrays:
    """Return the arrays of ``left`` and ``right``: every digit once on the left, with a random digit of another class.

    Raises:
        ValueError: if all digits are of the same class.
    """
    if len(np.unique(part.digits)) < 2:
        raise ValueError(
            f"MultiMNIST: expected two different digits to overlay, but got {len(part.digits)} equal ones."
        )
    right = rng.integers(0, len(part.digits), len(part.digits))
    while (same := part.digits[right] == part.digits).any():
        right[same] = rng.integers(0, len(part.digits), int(same.sum()))
    known = np.ones(len(right), dtype=bool)
    return {
        "id": np.char.add(np.char.add(part.ids, "+"), part.ids[right]),
        "image": resized(overlay(part.images, part.images[right], _SHIFT), part.images.shape[1]),
        "left": part.digits.astype(np.uint8),
        "left_present": known,
        "right": part.digits[right].astype(np.uint8),
        "right_present": known,
    }


def overlay(left: Images, right: Images, shift: int) -> Images:
    """Overlay images ``(N, H, W)``: shift the second right and down by ``shift`` px and take the maximum of both.

    Returns:
        Images ``(N, H + shift, W + shift)``.
    """
    count, height, width = left.shape
    canvas = np.zeros((count, height + shift, width + shift), dtype=left.dtype)
    canvas[:, :height, :width] = left
    np.maximum(canvas[:, shift:, shift:], right, out=canvas[:, shift:, shift:])
    return canvas


def resized(images: Images, size: int) -> Images:
    """Resize images to ``(N, size, size)``, bilinear with anti-aliasing."""
    import torch
    from torch.nn.functional import interpolate

    parts = [
        interpolate(torch.from_numpy(chunk)[:, None].float(), (size, size), mode="bilinear", antialias=True)[:, 0]
        for chunk in np.array_split(images, max(1, len(images) // 5000))  # all images as floats would take 300 MB
    ]
    return torch.cat(parts).round().clamp(0, 255).to(torch.uint8).numpy()


DIGIT_TASKS = {"even_odd": (even_odd, {"even": 5, "odd": 5}), "multi": (left_right, {"left": 10, "right": 10})}


def digit_set(kind: str, about: Mapping[str, Any], sections: Mapping[str, Digits], seed: int = 0) -> ArraySet:
    """Build one of the two data sets; each section uses its own digits.

    Args:
        kind: Kind of data set, ``even_odd`` or ``multi``.
        about: Description, see ``ArraySet``.
        sections: Digits by section name.
        seed: Seed of the random pairs.

    Raises:
        ValueError: if the kind is unknown.
    """
    if kind not in DIGIT_TASKS:
        raise ValueError(f"kind: expected one of {sorted(DIGIT_TASKS)}, but got {kind!r}.")
    make, tasks = DIGIT_TASKS[kind]
    made = {
        name: make(part, np.random.default_rng([seed, index])) for index, (name, part) in enumerate(sections.items())
    }
    return ArraySet({**about, "kind": kind, "seed": seed}, tasks, made)
