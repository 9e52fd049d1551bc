"""From masks and points to numbers with units: cup-to-disc ratios, disc and rim, disc-fovea geometry, vessels."""

from fundus_mtl.biomarkers._cdr import area_cdr, horizontal_cdr, refuge_vertical_cdr, vertical_cdr
from fundus_mtl.biomarkers._cleaning import clean_disc, clean_disc_cup, contains
from fundus_mtl.biomarkers._disc_fovea import disc_fovea, disc_measures
from fundus_mtl.biomarkers._knudtson import knudtson
from fundus_mtl.biomarkers._rim import rim_profile
from fundus_mtl.biomarkers._sanity import sanity_flags
from fundus_mtl.biomarkers._vessel_calibre import crossing_widths
from fundus_mtl.biomarkers._vessel_measures import VesselMeasures, vessel_measures
from fundus_mtl.biomarkers._vessel_segments import Segment, vessel_segments
from fundus_mtl.biomarkers._vessel_shape import density, fractal_dimension, tortuosity
from fundus_mtl.biomarkers._zones import DiscCircle, disc_circle, zone_mask

__all__ = [
    "DiscCircle",
    "Segment",
    "VesselMeasures",
    "area_cdr",
    "clean_disc",
    "clean_disc_cup",
    "contains",
    "crossing_widths",
    "density",
    "disc_circle",
    "disc_fovea",
    "disc_measures",
    "fractal_dimension",
    "horizontal_cdr",
    "knudtson",
    "refuge_vertical_cdr",
    "rim_profile",
    "sanity_flags",
    "tortuosity",
    "vertical_cdr",
    "vessel_measures",
    "vessel_segments",
    "zone_mask",
]
