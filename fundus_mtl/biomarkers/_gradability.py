r"""Whether a photograph is good enough to measure anything in it.

There are no graders' labels behind this: it is a set of rules, each a limit on one number of `quality_measures` and of
the field of view. A number :math:`v` that must not fall below its limit :math:`l` scores :math:`1 / (1 + (l/v)^6)`, one
that must not exceed it :math:`1 / (1 + (v/l)^6)`, what is there or not 1 or 0; the quality score is the smallest, so
that 0.5 is the limit. The score orders copies of one photograph by what was done to them; it is no probability, and says
nothing of what no rule looks at (eyelashes, a blink, an artefact upon the disc, the wrong field, the wrong eye).

The limits lie between 28 photographs (12 of IDRiD, 12 of HRF, 3 of IDRiD's segmentation set, scikit-image's retina), all
of which pass, and copies of them that all fail: blurred by 1 % of the field's diameter, at 15 % of their light, at a fifth
of their contrast. None of the 28 was called ungradable by a person, so how many truly bad photographs pass is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers._cleaning import Mask, as_mask
from fundus_mtl.biomarkers._fov_circle import FieldOfViewCircle, field_of_view_circle
from fundus_mtl.biomarkers._quality import QualityMeasures, quality_measures

_STEEPNESS = 6


@dataclass(frozen=True)
class GradabilityLimits:
    """Where a photograph stops being gradable; in brackets what the 28 real photographs span.

    Args:
        radius_px: smallest field of view, native px; at 100 the disc is about 28 px high, a step of 0.035 in the vCDR.
        roundness: smallest, see `field_of_view_circle` [0.95 to 0.98].
        focus: smallest [0.62 to 1.07].
        noise: largest focus; more is noise, of which 2 is pure.
        contrast: smallest [0.07 to 0.23].
        brightness: smallest [0.11 to 0.37].
        saturated: largest share of the field of view [0.00]; a disc is about 0.02 of it.
        redness: smallest [0.55 to 0.76]; a grey (red-free) photograph has 0.33.
        needs_border: whether a photograph without a visible round border is ungradable; a crop has none.

    Raises:
        ValueError: if a limit is not a positive number.
    """

    radius_px: float = 100.0
    roundness: float = 0.85
    focus: float = 0.55
    noise: float = 1.5
    contrast: float = 0.05
    brightness: float = 0.06
    saturated: float = 0.05
    redness: float = 0.40
    needs_border: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if not isinstance(limit, bool) and not (isfinite(limit) and limit > 0):
                raise ValueError(f"{field.name}: expected a positive limit, but got {limit}.")


class Gradability(TypedDict):
    """The field of view in native px (NaN: no border seen), a score 0 to 1, and why a photograph is not gradable."""

    fov_cx_px: float
    fov_cy_px: float
    fov_radius_px: float
    quality_score: float
    gradable: bool
    reasons: list[str]


def gradability(
    photograph: NDArray[np.uint8],
    field_of_view: ArrayLike | None = None,
    disc: ArrayLike | None = None,
    limits: GradabilityLimits | None = None,
) -> Gradability:
    """Judge a photograph.

    Args:
        photograph: RGB uint8 ``(H, W, 3)``.
        field_of_view: mask ``(H, W)`` of the lit part, as ``fundus_mtl.transforms.field_of_view`` finds it; without it
            the whole frame, which has no border.
        disc: mask ``(H, W)``; a photograph in which it is empty is not gradable. Without it nobody looked for a disc.
        limits: by default those of `GradabilityLimits`.

    Returns:
        A `Gradability`. Reasons, the worst first: ``field_of_view_not_found`` (no border, or not round),
        ``field_of_view_small``, ``disc_not_found``, ``out_of_focus``, ``noisy``, ``low_contrast``, ``too_dark``,
        ``too_bright``, ``not_fundus_coloured``. Gradable is the same as no reason and a score of at least 0.5.

    Raises:
        ValueError: if the photograph is not RGB uint8 or a mask has another size.
    """
    lit, found = _checked(photograph, field_of_view, disc)
    circle = field_of_view_circle(lit)
    diameter = 2 * circle.radius_px if isfinite(circle.radius_px) else float(min(lit.shape))
    measures = quality_measures(photograph, lit, diameter)
    scores = _scores(measures, circle, diameter / 2, limits or GradabilityLimits())
    if found is not None:
        scores["disc_not_found"] = float(found.any())
    reasons = sorted((reason for reason, score in scores.items() if score < 0.5), key=lambda reason: scores[reason])
    return {
        "fov_cx_px": circle.cx_px,
        "fov_cy_px": circle.cy_px,
        "fov_radius_px": circle.radius_px,
        "quality_score": min(scores.values()),
        "gradable": not reasons,
        "reasons": reasons,
    }


def _checked(
    photograph: NDArray[np.uint8], field_of_view: ArrayLike | None, disc: ArrayLike | None
) -> tuple[Mask, Mask | None]:
    """Return the field of view, by default the frame, and the disc, of the photograph's size."""
    if photograph.ndim != 3 or photograph.shape[2] != 3 or photograph.dtype != np.uint8 or not photograph.size:
        got = f"{photograph.dtype} {photograph.shape}"
        raise ValueError(f"photograph: expected RGB uint8 (H, W, 3), but got {got}; move the channels last.")
    shape = photograph.shape[:2]
    lit = np.ones(shape, bool) if field_of_view is None else as_mask(field_of_view, "field_of_view")
    found = None if disc is None else as_mask(disc, "disc")
    for name, mask in (("field_of_view", lit), ("disc", found)):
        if mask is not None and mask.shape != shape:
            raise ValueError(f"{name}: expected the photograph's size {shape}, but got {mask.shape}.")
    return lit, found


def _scores(
    measures: QualityMeasures, circle: FieldOfViewCircle, radius_px: float, limits: GradabilityLimits
) -> dict[str, float]:
    """Score each number 0 to 1, by the reason that a low one is; a field of view is there or not."""
    return {
        "field_of_view_not_found": float(circle.roundness >= limits.roundness or not limits.needs_border),
        "field_of_view_small": _at_least(radius_px, limits.radius_px),
        "out_of_focus": _at_least(measures["focus"], limits.focus),
        "noisy": 1 - _at_least(measures["focus"], limits.noise),
        "low_contrast": _at_least(measures["contrast"], limits.contrast),
        "too_dark": _at_least(measures["brightness"], limits.brightness),
        "too_bright": 1 - _at_least(measures["saturated"], limits.saturated),
        "not_fundus_coloured": _at_least(measures["redness"], limits.redness),
    }


def _at_least(value: float, limit: float) -> float:
    """Return 0 for 0, a half at the limit, 1 far above it; a number that could not be measured scores 0."""
    if not value > 0:  # NaN included
        return 0.0
    power = (value / limit) ** _STEEPNESS
    return power / (1 + power)
