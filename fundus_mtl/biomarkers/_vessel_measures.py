"""Calibre, tortuosity, fractal dimension and density of arteries and veins, with the reason for missing values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan, pi

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cleaning import Mask, as_mask
from fundus_mtl.biomarkers._knudtson import knudtson
from fundus_mtl.biomarkers._vessel_calibre import crossing_widths
from fundus_mtl.biomarkers._vessel_segments import vessel_segments
from fundus_mtl.biomarkers._vessel_shape import density, fractal_dimension, tortuosity
from fundus_mtl.biomarkers._vessel_skeleton import Skeleton, trace
from fundus_mtl.biomarkers._zones import ZONES, DiscCircle, disc_circle, zone_window

SIX = 6
KINDS = (("artery", "arteries", "crae"), ("vein", "veins", "crve"))
NO_DISC = "no disc"
Found = dict[str, tuple[float, str]]  # the value, and the reason if it is NaN


@dataclass(frozen=True)
class VesselMeasures:
    """Result of `vessel_measures`.

    Attributes:
        values: Values by name, with the unit, if any, in the name; NaN if a value could not be measured.
        reasons: Reason for each value that is NaN, by name.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str]


def vessel_measures(
    artery: ArrayLike,
    vein: ArrayLike,
    disc: ArrayLike | DiscCircle,
    field_of_view: ArrayLike | None = None,
    um_per_px: float | None = None,
) -> VesselMeasures:
    """Measure the vessels of one photograph.

    Args:
        artery: Artery mask ``(H, W)``, nonzero inside. Crossings should be both artery and vein; otherwise they split
            the vessels.
        vein: Vein mask ``(H, W)``.
        disc: Disc mask ``(H, W)``, or the circle of the disc.
        field_of_view: Mask ``(H, W)`` of the lit part; default: the whole image. Vessels outside it are ignored.
        um_per_px: Scale, µm per px. Optional; without it values in µm are NaN.

    Returns:
        Values by name. ``artery_count``, ``vein_count``: number of vessels that cross zone B; ``crae_px``, ``crve_px``
        of the six widest (`knudtson`), ``crae_um``, ``crve_um``, and their ratio ``avr``; ``tortuosity_{artery,vein}``
        over the whole field of view; ``fractal_dimension_{artery,vein,vessel}`` of the centrelines and
        ``density_{artery,vein,vessel}_{A,B,C}``, where vessel means artery or vein; ``visible_{A,B,C}``, the fraction
        of the zone inside the field of view. If this is below 1, vessels may be hidden.

    Raises:
        ValueError: if the shapes differ or are not 2-D, or the scale is not above 0.
    """
    if um_per_px is not None and not um_per_px > 0:
        raise ValueError(f"um_per_px: expected a number above 0, but got {um_per_px}; None is unknown.")
    masks = {"artery": as_mask(artery, "artery"), "vein": as_mask(vein, "vein")}
    shape = masks["artery"].shape
    lit = np.ones(shape, bool) if field_of_view is None else as_mask(field_of_view, "field_of_view")
    for name, mask in [("vein", masks["vein"]), ("field_of_view", lit)]:
        if mask.shape != shape:
            raise ValueError(f"{name}: expected the arteries' shape {shape}, but got {mask.shape}.")
    circle = disc if isinstance(disc, DiscCircle) else _circle(disc, shape)
    masks = {name: mask & lit for name, mask in masks.items()}
    found = _calibres_and_courses(masks, circle, um_per_px) | _densities(masks, circle, lit)
    return VesselMeasures(
        {name: value for name, (value, _) in found.items()},
        {name: reason for name, (value, reason) in found.items() if isnan(value)},
    )


def _circle(disc: ArrayLike, shape: tuple[int, ...]) -> DiscCircle:
    mask = as_mask(disc, "disc")
    if mask.shape != shape:
        raise ValueError(f"disc: expected the arteries' shape {shape}, but got {mask.shape}.")
    return disc_circle(mask)


def _calibres_and_courses(masks: dict[str, Mask], circle: DiscCircle, um_per_px: float | None) -> Found:
    """Return the values from segments and centrelines, each with the reason if it is NaN."""
    lines = {kind: trace(mask) for kind, mask in masks.items()}
    found: Found = {}
    for kind, plural, equivalent in KINDS:
        segments = vessel_segments(masks[kind], lines[kind])
        found[f"tortuosity_{kind}"] = (tortuosity(segments), f"no {kind} is long enough to measure tortuosity")
        widths = crossing_widths(segments, circle)
        known, scale = not isnan(circle.radius_px), nan if um_per_px is None else um_per_px
        few = f"{len(widths)} of the {SIX} {plural} needed cross zone B" if known else NO_DISC
        joined = knudtson(widths, kind, SIX)
        found[f"{kind}_count"] = (float(len(widths)) if known else nan, NO_DISC)
        found[f"{equivalent}_px"] = (joined, few)
        found[f"{equivalent}_um"] = (joined * scale, few if isnan(joined) else "no scale")
    (crae, no_crae), (crve, no_crve) = found["crae_px"], found["crve_px"]
    return found | {"avr": (crae / crve, no_crae if isnan(crae) else no_crve)} | _dimensions(lines, masks["vein"].shape)


def _dimensions(lines: dict[str, Skeleton], shape: tuple[int, ...]) -> Found:
    """Return the fractal dimension of the centrelines of arteries, veins, and both together."""
    points = {kind: line.points for kind, line in lines.items()}
    points["vessel"] = np.concatenate(list(points.values()))
    reason = "no vessel, or a photograph too small for three sizes of boxes"
    return {f"fractal_dimension_{kind}": (fractal_dimension(these, shape), reason) for kind, these in points.items()}


def _densities(masks: dict[str, Mask], circle: DiscCircle, lit: Mask) -> Found:
    """Return the densities per zone and the visible fraction of each zone."""
    found: Found = {}
    for zone, (inner, outer) in ZONES.items():
        window, ring = zone_window(lit.shape, circle, zone)
        area, vessels = ring & lit[window], {kind: mask[window] for kind, mask in masks.items()}
        vessels["vessel"] = vessels["artery"] | vessels["vein"]
        reason = NO_DISC if isnan(circle.radius_px) else f"zone {zone} lies outside the field of view"
        for kind, mask in vessels.items():
            found[f"density_{kind}_{zone}"] = (density(mask, area), reason)
        whole = pi * circle.radius_px**2 * (outer**2 - inner**2)
        found[f"visible_{zone}"] = (min(1.0, np.count_nonzero(area) / whole) if whole > 0 else nan, reason)
    return found
