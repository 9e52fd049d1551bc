"""The network's probabilities behind the masks, as NIfTI on the photograph's own pixels.

A run keeps them only where it was asked to: they are what the masks were cut from, before the threshold of one half and
before specks were dropped and holes filled, so that another threshold can be tried without the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results._answers import Mask, as_array
from fundus_mtl.results._nifti import write_probabilities
from fundus_mtl.results._picture_paths import map_path

PREFIX = "probability_"  # of the sample's keys; then the task's name
STRUCTURES = {"disc": ("disc",), "cup": ("cup",), "artery_vein": ("artery", "vein"), "vessel": ("vessel",)}
INSIDE = ("artery_vein", "vessel")  # of the field of view only, as their masks


def write_maps(
    output_dir: Path,
    name: str,
    sample: Mapping[str, Any],
    tasks: Mapping[str, str | None],
    seen: Mask,
    mm_per_px: tuple[float, float] | None = None,
) -> tuple[str, ...]:
    """Write ``probabilities/<name>_<structure>.nii.gz`` of each map that a sample has.

    Args:
        output_dir: of the run.
        name: id of the photograph, its relative path or a pseudonym.
        sample: with ``probability_<task>`` ``(C, H, W)``, 0 to 1, for the tasks whose maps are wanted. One that holds NaN is
            not known and gets no file.
        tasks: task by role.
        seen: the field of view ``(H, W)``.
        mm_per_px: scale along x and y; None where none is known, and the files then claim none.

    Returns:
        What was written, relative to the output folder.

    Raises:
        OutputError: if the output cannot be written at all.
        OSError: if only this name is impossible.
        ValueError: if a map has not the photograph's size.
    """
    files = []
    for role, structures in STRUCTURES.items():
        maps = as_array(sample.get(f"{PREFIX}{tasks.get(role)}"))
        if maps is None or not np.isfinite(maps).all():
            continue
        for structure, found in zip(structures, _checked(maps, role, len(structures), seen), strict=True):
            path = map_path(output_dir, name, structure)
            write_probabilities(path, found, mm_per_px)
            files.append(path.relative_to(output_dir).as_posix())
    return tuple(files)


def _checked(maps: NDArray[Any], role: str, count: int, seen: Mask) -> NDArray[Any]:
    """Return maps ``(C, H, W)``, zero where nothing may be found."""
    if maps.shape != (count, *seen.shape):
        raise ValueError(f"probabilities {role}: expected {(count, *seen.shape)}, but got {maps.shape}.")
    return maps * seen if role in INSIDE else maps
