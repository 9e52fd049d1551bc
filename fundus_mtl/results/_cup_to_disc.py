"""Ratios of the cup and the disc, and the mask of both in REFUGE's codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import ClassVar

import numpy as np

from fundus_mtl import biomarkers
from fundus_mtl.metrics import refuge
from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown, UncertaintyColumn
from fundus_mtl.results._contribution import Sample
from fundus_mtl.results._exported import MaskFile, Quantity
from fundus_mtl.results._findings import Findings, Mask
from fundus_mtl.results._millimetre_columns import lengths
from fundus_mtl.results._picture_bytes import picture_bytes
from fundus_mtl.results._relation import Relation


class CupToDisc(Relation):
    """The cup inside the disc: its area, and the cup-to-disc ratios."""

    needs: ClassVar[tuple[str, ...]] = ("disc", "cup")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            20,
            (
                Column("vcdr", "1", "vertical cup-to-disc ratio: height of the cup over height of the disc"),
                Column("hcdr", "1", "horizontal cup-to-disc ratio: width of the cup over width of the disc"),
                Column("acdr", "1", "area of the cup over area of the disc"),
            ),
        ),
        ColumnGroup(41, (Column("cup_area_px", "px²", "pixels of the cup inside the disc"),)),
        ColumnGroup(71, (Column("cup_area_mm2", "mm²", "area of the cup"),)),
        ColumnGroup(
            80,
            (
                Column(
                    "vcdr_uncertainty",
                    "1",
                    "standard deviation of vcdr over the photograph and its mirrored views; empty without views",
                ),
            ),
        ),
    )
    shown: ClassVar[tuple[Shown, ...]] = (
        Shown(
            "vcdr", "vCDR", 2, place=10,
            histogram=Histogram("Vertical cup-to-disc ratio (vCDR)", "vertical cup-to-disc ratios"),
        ),
    )  # fmt: skip
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity("vcdr", "VCDR", "Vertical cup-disc ratio"),
        Quantity("hcdr", "HCDR", "Horizontal cup-disc ratio"),
        Quantity("acdr", "ACDR", "Area cup-disc ratio"),
        Quantity("cup_area_px", "CUPAREA", "Optic cup area"),
        Quantity("cup_area_mm2", "CUPAREA", "Optic cup area"),
    )
    uncertainty: ClassVar[UncertaintyColumn | None] = UncertaintyColumn("vcdr", "vcdr_uncertainty")

    def doubts(self, masks: Mapping[str, Mask], seen: Mask, rivals: Mapping[str, float]) -> dict[str, str]:
        """Return why it cannot be the cup of this disc."""
        reason = biomarkers.implausible_cup(masks["disc"], masks["cup"])
        return {} if reason is None else {"cup": reason}

    def refine(self, masks: Mapping[str, Mask]) -> dict[str, Mask]:
        """Return the part of the cup that lies inside the disc."""
        return {"cup": masks["disc"] & masks["cup"]}

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the ratios, and the cup's area where there is one."""
        disc, cup = found.near_disc.disc, found.near_disc.cup  # the cup lies inside the disc, see `refine`
        assert cup is not None
        area: Columns = {"cup_area_px": int(cup.sum()) if cup.any() else None}
        ratios: Columns = {
            "vcdr": biomarkers.vertical_cdr(disc, cup),
            "hcdr": biomarkers.horizontal_cdr(disc, cup),
            "acdr": biomarkers.area_cdr(disc, cup),
        }
        return ratios | area | lengths(found.facts, area, "cup_area_mm2")

    def spread(self, samples: Sequence[Sample], tasks: Mapping[str, str]) -> float:
        """Return the standard deviation of the vertical ratios (n - 1)."""
        pairs = [[np.asarray(sample[f"pred_{tasks[role]}"])[0] for role in self.needs] for sample in samples]
        return float(np.std([biomarkers.vertical_cdr(disc, cup) for disc, cup in pairs], ddof=1))


class UsualRatio(Relation):
    """Where the vertical ratio lies among normal discs of the same height."""

    needs: ClassVar[tuple[str, ...]] = ("disc", "cup")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            74,
            (
                Column(
                    "vcdr_percentile",
                    "0 to 100",
                    "percentile of vcdr among normal discs as high as disc_height_mm (Crowston 2004), by a normal "
                    "distribution through the published median and 97.5th percentile, an assumption; empty outside 1.2 "
                    "to 1.9 mm",
                ),
                Column(
                    "vcdr_above_p97_5",
                    "yes | no",
                    "whether vcdr is above that published 97.5th percentile; empty without a scale",
                ),
            ),
        ),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the percentile where the photograph's scale is known."""
        if found.facts.mm_per_px is None:
            return {}
        vcdr, height = (
            float(value) if isinstance(value := columns.get(name), int | float) else nan
            for name in ("vcdr", "disc_height_mm")
        )
        percentile = biomarkers.vcdr_percentile(vcdr, height)
        above = percentile > biomarkers.UPPER_PERCENTILE if isfinite(percentile) else None
        return {"vcdr_percentile": percentile, "vcdr_above_p97_5": above}


class DiscCupMask(Relation):
    """One mask of disc and cup in REFUGE's codes."""

    any_of: ClassVar[tuple[str, ...]] = ("disc", "cup")
    files: ClassVar[tuple[MaskFile, ...]] = (
        MaskFile(
            "masks",
            "code",
            "0 cup, 128 rim of the disc, 255 background (REFUGE); native size",
            {refuge.BACKGROUND: 0, refuge.RIM: 1, refuge.CUP: 2},
        ),
    )

    def pictures(self, found: Findings) -> dict[str, bytes]:
        """Return the mask; a structure that the network was not asked for is nowhere."""
        nowhere = np.zeros_like(found.seen)
        disc, cup = (found.answers.masks.get(name, nowhere) for name in self.any_of)
        return {"masks": picture_bytes(refuge.encode(disc, cup), ".png")}
