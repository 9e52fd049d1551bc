"""From masks and points to numbers with units: cup-to-disc ratios, disc size, disc-fovea geometry, rim profile."""

from fundus_mtl.biomarkers._cdr import area_cdr, horizontal_cdr, refuge_vertical_cdr, vertical_cdr
from fundus_mtl.biomarkers._cleaning import clean_disc, clean_disc_cup, contains
from fundus_mtl.biomarkers._disc_fovea import disc_fovea, disc_measures
from fundus_mtl.biomarkers._rim import rim_profile
from fundus_mtl.biomarkers._sanity import sanity_flags

__all__ = [
    "area_cdr",
    "clean_disc",
    "clean_disc_cup",
    "contains",
    "disc_fovea",
    "disc_measures",
    "horizontal_cdr",
    "refuge_vertical_cdr",
    "rim_profile",
    "sanity_flags",
    "vertical_cdr",
]
