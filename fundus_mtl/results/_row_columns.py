"""The columns of a photograph's row: what is measured in masks and points, in pixels and in mm."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from fundus_mtl import biomarkers
from fundus_mtl.results._csv_table import Value
from fundus_mtl.results._eye import Eye
from fundus_mtl.results._given_facts import Facts
from fundus_mtl.results._rules import Rules

Columns = dict[str, Value]
Mask = NDArray[np.bool_]
STEEPEST_AXIS_DEG = 25.0  # a steeper way from fovea to disc is flagged, and no axis to turn the rim to


def quality_columns(quality: biomarkers.Gradability | None) -> Columns:
    """Return where the field of view is and whether the photograph is gradable."""
    return {} if quality is None else {name: value for name, value in quality.items() if name != "reasons"}  # type: ignore[misc]  # the rest are cells


def disc_columns(disc: Mask, cup: Mask | None) -> Columns:
    """Return sizes and ratios of a cleaned disc and the cup inside it."""
    columns: Columns = {**biomarkers.disc_measures(disc)}  # type: ignore[dict-item]  # a TypedDict of floats
    if cup is None:
        return columns
    return columns | {
        "vcdr": biomarkers.vertical_cdr(disc, cup),
        "hcdr": biomarkers.horizontal_cdr(disc, cup),
        "acdr": biomarkers.area_cdr(disc, cup),
        "cup_area_px": int(cup.sum()) if cup.any() else None,
    }


def fovea_columns(fovea: NDArray[np.float64], disc: Mask | None) -> Columns:
    """Return the fovea ``(x, y)``, the way from it to the disc, and as ``laterality`` the eye that this tells."""
    columns: Columns = {"fovea_x_px": float(fovea[0]), "fovea_y_px": float(fovea[1])}
    return columns if disc is None else {**columns, **biomarkers.disc_fovea(disc, fovea)}  # type: ignore[dict-item]


def eye_columns(eye: Eye) -> Columns:
    """Return the eye and who said so."""
    return {
        "laterality": eye.laterality,
        "laterality_source": eye.source,
        "laterality_conflict": eye.conflict,
    }


def rim_columns(disc: Mask, cup: Mask, eye: str | None, angle_deg: Value) -> Columns:
    """Return the rim by sector and hour, and the smallest rim-to-disc ratio, which alone needs no eye.

    Args:
        disc: cleaned mask ``(H, W)``.
        cup: mask inside it.
        eye: ``"R"`` or ``"L"``; None where it is unknown or disputed.
        angle_deg: by how much the disc lies above the fovea; an unknown or implausible angle leaves the axis level.
    """
    axis = angle_deg if isinstance(angle_deg, float) and abs(angle_deg) <= STEEPEST_AXIS_DEG else 0.0  # NaN is neither
    profile = biomarkers.rim_profile(disc, cup, eye or "R", axis if eye else 0.0)
    columns: Columns = {"rim_disc_ratio_min": profile["rim_disc_ratio_min"]}
    if eye is None or not isfinite(profile["rim_disc_ratio_min"]):
        return columns
    sectors = {f"rim_{sector}_px": profile[f"rim_{sector}_px"] for sector in "ISNT"}  # type: ignore[literal-required]
    hours = {f"rim_hour_{k:02}_px": float(w) for k, w in enumerate(biomarkers.clock_hours(profile["widths_px"]), 1)}
    orders = {"isnt_obeyed": profile["isnt_obeyed"], "ist_obeyed": profile["ist_obeyed"]}
    return columns | sectors | hours | orders | {"rim_axis_deg": axis}


def scale_columns(facts: Facts, columns: Columns) -> Columns:
    """Return the scale, the columns in mm, and the ratio among discs of that height; nothing without a scale."""
    if facts.mm_per_px is None:
        return {}
    across, down = facts.mm_per_px
    scale: Columns = {"mm_per_px_x": across, "mm_per_px_y": down, "scale_source": facts.scale_source}
    measures = {name: float(value) for name, value in columns.items() if isinstance(value, int | float)}
    lengths = biomarkers.in_millimetres(measures, facts.mm_per_px)
    percentile = biomarkers.vcdr_percentile(measures.get("vcdr", float("nan")), lengths["disc_height_mm"])
    above = percentile > biomarkers.UPPER_PERCENTILE if isfinite(percentile) else None
    return {**scale, **lengths, "vcdr_percentile": percentile, "vcdr_above_p97_5": above}  # type: ignore[dict-item]


def glaucoma_columns(score: float | None, rules: Rules) -> Columns:
    """Return the score, whether it is calibrated, and the flag where there is a threshold; nothing without a score."""
    if score is None or not isfinite(score):
        return {}
    threshold = rules.glaucoma_threshold
    return {
        "glaucoma_prob": score,
        "glaucoma_calibrated": rules.glaucoma_calibrated,
        "glaucoma_threshold": threshold,
        "glaucoma_flag": None if threshold is None else score >= threshold,
    }


def reason_of(quality: biomarkers.Gradability | None, missing: Sequence[str]) -> str:
    """Say why a photograph is not gradable, then which roles were not found in it."""
    reasons = [] if quality is None else [reason.replace("_", " ") for reason in quality["reasons"]]
    absent = ["no glaucoma score" if role == "score" else f"{role} not found" for role in missing]
    return "; ".join(dict.fromkeys(reasons + absent))  # a disc may be missing for both
