"""Arteries, veins and vessels together, and in zones around the disc where there is one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fundus_mtl import biomarkers
from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown
from fundus_mtl.results._contribution import Missing
from fundus_mtl.results._findings import Findings, Mask
from fundus_mtl.results._relation import Relation

TREE = ("tortuosity_artery", "tortuosity_vein", "fractal_dimension_vessel")
ZONES = ("density_vessel_B", "density_vessel_C", "crae_px", "crve_px", "avr", "artery_count", "vein_count")
MICROMETRES = ("crae_um", "crve_um")


class VesselTree(Relation):
    """Densities, tortuosity and calibres; those of zones around the disc only where there is a disc."""

    any_of: ClassVar[tuple[str, ...]] = ("artery_vein", "vessel")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            90,
            (
                Column(
                    "vessel_density",
                    "1",
                    "share of the field of view's pixels that are vessel (vessel head; else artery or vein)",
                ),
                Column(
                    "artery_density", "1", "share of the field of view's pixels that are artery; a crossing is both"
                ),
                Column("vein_density", "1", "share of the field of view's pixels that are vein"),
                Column(
                    "tortuosity_artery",
                    "1",
                    "arc over chord of the arteries' segments, weighted by length; 1 is straight",
                ),
                Column("tortuosity_vein", "1", "the same of the veins"),
                Column("fractal_dimension_vessel", "1", "of the centrelines, by counting boxes"),
                Column(
                    "crae_px",
                    "px",
                    "equivalent of the six widest arteries across zone B (Knudtson 2003); needs a disc",
                ),
                Column("crve_px", "px", "equivalent of the six widest veins across zone B; needs a disc"),
                Column("crae_um", "µm", "crae_px by the scale; empty without one"),
                Column("crve_um", "µm", "crve_px by the scale; empty without one"),
                Column("avr", "1", "crae_px over crve_px"),
                Column("artery_count", "", "arteries that cross zone B; fewer than six have no equivalent"),
                Column("vein_count", "", "veins that cross zone B"),
                Column(
                    "density_vessel_B",
                    "1",
                    "share of zone B, 0.5 to 1 disc diameters from the disc's edge, that is vessel",
                ),
                Column(
                    "density_vessel_C",
                    "1",
                    "share of zone C, 0.5 to 2 disc diameters from the disc's edge, that is vessel",
                ),
            ),
        ),
    )
    shown: ClassVar[tuple[Shown, ...]] = (
        Shown(
            "vessel_density", "vessel density", 3, place=50,
            histogram=Histogram("Vessel density, share of the field of view", "vessel densities", 0.2),
        ),
        Shown(
            "artery_density", "Artery density", 3, place=51,
            histogram=Histogram("Artery density, share of the field of view", "artery densities", 0.2),
        ),
        Shown("vein_density", "Vein density", 3, place=52),
        Shown("fractal_dimension_vessel", "Fractal dimension", 2, "of the vessels", place=53),
    )  # fmt: skip

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the numbers of the vessels that the network was asked for."""
        masks, area = found.answers.masks, np.count_nonzero(found.seen)
        shares = {"vessel": _any_vessel(found), "artery": masks.get("artery"), "vein": masks.get("vein")}
        densities: Columns = {
            f"{name}_density": np.count_nonzero(mask) / area if area else float("nan")
            for name, mask in shares.items()
            if mask is not None
        }
        return densities | _tree(found) if "artery" in masks else densities

    def missing(self, found: Findings) -> Missing | None:
        """Return that there is no vessel at all."""
        return None if _any_vessel(found).any() else Missing("mask", "vessels_missing", "vessels not found")

    def outlines(self, found: Findings) -> dict[str, Mask]:
        """Return arteries and veins, or all vessels where there is no answer for these."""
        masks = found.answers.masks
        names = ("artery", "vein") if "artery" in masks else ("vessel",)
        return {name: masks[name] for name in names}


def _any_vessel(found: Findings) -> Mask:
    """Return the vessel head's answer, or arteries and veins together where there is none."""
    masks = found.answers.masks
    return masks["vessel"] if "vessel" in masks else masks["artery"] | masks["vein"]


def _tree(found: Findings) -> Columns:
    """Return what needs arteries and veins; calibres run in all directions, so that they are scaled by the mean scale."""
    masks, mm_per_px = found.answers.masks, found.facts.mm_per_px
    scale = None if mm_per_px is None else 500 * sum(mm_per_px)
    disc = masks.get("disc")
    around = np.zeros_like(found.seen) if disc is None else disc
    measured = biomarkers.vessel_measures(masks["artery"], masks["vein"], around, found.seen, scale).values
    names = TREE + (() if disc is None else ZONES) + (() if disc is None or scale is None else MICROMETRES)
    return {name: measured[name] for name in names}
