"""Biomarkers from masks and points, with units: cup-to-disc ratios, rim, disc-fovea geometry, vessels, gradability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.biomarkers._cdr import area_cdr, extent, horizontal_cdr, refuge_vertical_cdr, vertical_cdr
    from fundus_mtl.biomarkers._cleaning import bounds, clean_disc, clean_disc_cup, contains, largest_component
    from fundus_mtl.biomarkers._clock_hours import clock_hours
    from fundus_mtl.biomarkers._disc_fovea import disc_fovea, disc_measures
    from fundus_mtl.biomarkers._disc_size import UPPER_PERCENTILE, vcdr_percentile
    from fundus_mtl.biomarkers._fov_circle import FieldOfViewCircle, field_of_view_circle
    from fundus_mtl.biomarkers._gradability import Gradability, GradabilityLimits, gradability
    from fundus_mtl.biomarkers._knudtson import knudtson
    from fundus_mtl.biomarkers._millimetres import Millimetres, implausible_scale, in_millimetres
    from fundus_mtl.biomarkers._plausible import implausible_cup, implausible_disc
    from fundus_mtl.biomarkers._quality import QualityMeasures, quality_measures
    from fundus_mtl.biomarkers._rim import rim_profile
    from fundus_mtl.biomarkers._sanity import sanity_flags
    from fundus_mtl.biomarkers._vessel_calibre import crossing_widths
    from fundus_mtl.biomarkers._vessel_measures import VesselMeasures, vessel_measures
    from fundus_mtl.biomarkers._vessel_segments import Segment, vessel_segments
    from fundus_mtl.biomarkers._vessel_shape import density, fractal_dimension, tortuosity
    from fundus_mtl.biomarkers._zones import DiscCircle, disc_circle, zone_mask
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "UPPER_PERCENTILE",
    "DiscCircle",
    "FieldOfViewCircle",
    "Gradability",
    "GradabilityLimits",
    "Millimetres",
    "QualityMeasures",
    "Segment",
    "VesselMeasures",
    "area_cdr",
    "bounds",
    "clean_disc",
    "clean_disc_cup",
    "clock_hours",
    "contains",
    "crossing_widths",
    "density",
    "disc_circle",
    "disc_fovea",
    "disc_measures",
    "extent",
    "field_of_view_circle",
    "fractal_dimension",
    "gradability",
    "horizontal_cdr",
    "implausible_cup",
    "implausible_disc",
    "implausible_scale",
    "in_millimetres",
    "knudtson",
    "largest_component",
    "quality_measures",
    "refuge_vertical_cdr",
    "rim_profile",
    "sanity_flags",
    "tortuosity",
    "vcdr_percentile",
    "vertical_cdr",
    "vessel_measures",
    "vessel_segments",
    "zone_mask",
]
