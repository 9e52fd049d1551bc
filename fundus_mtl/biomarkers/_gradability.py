r"""Decide whether the quality of a photograph is sufficient to measure it: by rules, and by a learned score if there is one.

The rules are not learned from labels of graders. Each rule is a limit on one number of `quality_measures` or of the
field of view. A number :math:`v` that must be at least :math:`l` scores :math:`1 / (1 + (l/v)^6)`, one that must be at
most :math:`l` scores :math:`1 / (1 + (v/l)^6)`, and a yes/no rule scores 1 or 0. The quality score is the smallest of
these scores, so that 0.5 is the limit. The score ranks degraded copies of one photograph; it is not a probability, and
it does not cover defects without a rule (eyelashes, a blink, an artefact on the disc, the wrong field, the wrong eye).

The limits separate 28 photographs (12 of IDRiD, 12 of HRF, 3 of IDRiD's segmentation set, scikit-image's retina), which
all pass, from degraded copies, which all fail: blurred by 1 % of the field's diameter, at 15 % of their brightness, or
at a fifth of their contrast. No person graded any of the 28 as ungradable, so the rate of bad photographs that pass is
unknown.

A network that was trained on graders' quality labels may have a say too: its score has a limit of its own, which depends
on the scale of its labels. Both must pass.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite, nan
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers._cleaning import Mask, as_mask
from fundus_mtl.biomarkers._fov_circle import FieldOfViewCircle, field_of_view_circle
from fundus_mtl.biomarkers._lit_outside import lit_outside
from fundus_mtl.biomarkers._quality import QualityMeasures, quality_measures

_STEEPNESS = 6


@dataclass(frozen=True)
class GradabilityLimits:
    """Limits of a gradable photograph; brackets give the range of the 28 real photographs.

    Args:
        radius_px: Smallest radius of the field of view, native px. At 100 the disc is about 28 px high, so that one
            pixel is 0.035 in the vCDR.
        roundness: Smallest roundness, see `field_of_view_circle` [0.95 to 0.98].
        focus: Smallest focus [0.62 to 1.07].
        noise: Largest focus; a higher value is noise (2 for pure noise).
        contrast: Smallest contrast [0.07 to 0.23].
        brightness: Smallest brightness [0.11 to 0.37].
        saturated: Largest saturated fraction of the field of view [0.00]; the disc is about 0.02 of it.
        redness: Smallest redness [0.55 to 0.76]; a grey (red-free) photograph has 0.33.
        lit_outside: Largest lit area outside of the field of view over its area [0.00]; another eye in the same picture has
            about 1.
        needs_border: Whether a photograph without a visible round border is ungradable; a cropped photograph has none.
        learned_quality: Smallest quality score of a network, 0 to 1 on the scale of its labels; None ignores the score.

    Raises:
        ValueError: if a limit is not a positive number, or the one of the learned score is above 1.
    """

    radius_px: float = 100.0
    roundness: float = 0.85
    focus: float = 0.55
    noise: float = 1.5
    contrast: float = 0.05
    brightness: float = 0.06
    saturated: float = 0.05
    redness: float = 0.40
    lit_outside: float = 0.3
    needs_border: bool = True
    learned_quality: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and not isinstance(limit, bool) and not (isfinite(limit) and limit > 0):
                raise ValueError(f"{field.name}: expected a positive limit, but got {limit}.")
        if (self.learned_quality or 0) > 1:
            raise ValueError(f"learned_quality: expected a limit of at most 1, but got {self.learned_quality}.")


class Gradability(TypedDict):
    """What `gradability` returns.

    Args:
        fov_cx_px: x of the centre of the field of view, native px; NaN without a visible border.
        fov_cy_px: y of its centre.
        fov_radius_px: Radius of its circle, native px.
        quality_score: Smallest score of the rules, 0 to 1; the learned score where that is below its limit.
        gradable: Whether no limit is broken.
        reasons: Broken limits, the worst first.
        ungradable_by: ``rules`` and ``model``, those of the two that have a reason.
    """

    fov_cx_px: float
    fov_cy_px: float
    fov_radius_px: float
    quality_score: float
    gradable: bool
    reasons: list[str]
    ungradable_by: list[str]


def gradability(
    photograph: NDArray[np.uint8],
    field_of_view: ArrayLike | None = None,
    disc: ArrayLike | None = None,
    limits: GradabilityLimits | None = None,
    learned_quality: float = nan,
) -> Gradability:
    """Decide whether a photograph is gradable.

    Args:
        photograph: RGB photograph ``(H, W, 3)`` uint8.
        field_of_view: Mask ``(H, W)`` of the lit part, as returned by ``fundus_mtl.transforms.field_of_view``; default:
            the whole image, which has no border.
        disc: Disc mask ``(H, W)``. If it is empty, the photograph is not gradable. Optional; without it the disc is not
            checked.
        limits: Limits; default: ``GradabilityLimits()``.
        learned_quality: Quality score of a network, 0 to 1; NaN if there is none.

    Returns:
        A `Gradability`. Possible reasons, sorted by score with the worst first: ``field_of_view_not_found`` (no border,
        or not round), ``field_of_view_not_alone`` (as with two eyes in one picture), ``field_of_view_small``,
        ``disc_not_found``, ``out_of_focus``, ``noisy``, ``low_contrast``, ``too_dark``, ``too_bright``,
        ``not_fundus_coloured``, and ``low_quality_score`` of the learned score. A photograph is gradable if it has no
        reason: no rule scores below 0.5, and the learned score is not below its limit.

    Raises:
        ValueError: if the photograph is not RGB uint8 or a mask has another size.
    """
    lit, found = _checked(photograph, field_of_view, disc)
    circle = field_of_view_circle(lit)
    diameter = 2 * circle.radius_px if isfinite(circle.radius_px) else float(min(lit.shape))
    measures = quality_measures(photograph, lit, diameter)
    limits = limits or GradabilityLimits()
    scores = _scores(measures, circle, diameter / 2, limits)
    scores["field_of_view_not_alone"] = 1 - _at_least(lit_outside(photograph, lit), limits.lit_outside)
    if found is not None:
        scores["disc_not_found"] = float(found.any())
    by_rules = sorted((reason for reason, score in scores.items() if score < 0.5), key=lambda reason: scores[reason])
    by_model = ["low_quality_score"] if learned_quality < (limits.learned_quality or 0) else []
    refusing = {"rules": by_rules, "model": by_model}
    return {
        "fov_cx_px": circle.cx_px,
        "fov_cy_px": circle.cy_px,
        "fov_radius_px": circle.radius_px,
        "quality_score": learned_quality if by_model else min(scores.values()),
        "gradable": not by_rules and not by_model,
        "reasons": by_rules + by_model,
        "ungradable_by": [name for name, reasons in refusing.items() if reasons],
    }


def _checked(
    photograph: NDArray[np.uint8], field_of_view: ArrayLike | None, disc: ArrayLike | None
) -> tuple[Mask, Mask | None]:
    """Check the arguments; return the field of view (default: the whole image) and the disc."""
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
    """Return the score of each rule, 0 to 1, by the reason that a score below 0.5 gives."""
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
    """Return 0 for 0, 0.5 at the limit, and nearly 1 far above it; NaN scores 0."""
    if not value > 0:  # NaN included
        return 0.0
    power = (value / limit) ** _STEEPNESS
    return power / (1 + power)
