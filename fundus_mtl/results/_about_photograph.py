"""What every row has about the photograph itself, whichever roles there are."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl.results._column import Column, ColumnGroup, Columns
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._positions import PIXELS
from fundus_mtl.results._relation import Relation

BURNED_IN = "burned_in_annotation"
SCALE_IMPLAUSIBLE = "scale_implausible"


class FrameSize(Relation):
    """Width and height of the upright photograph."""

    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            0,
            (
                Column("width_px", "px", "width of the upright photograph"),
                Column("height_px", "px", "height of the upright photograph"),
            ),
        ),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the size of the frame."""
        height, width = found.seen.shape
        return {"width_px": width, "height_px": height}


class Grading(Relation):
    """Field of view, and whether the photograph is good enough to measure."""

    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            2,
            (
                Column(
                    "fov_cx_px",
                    "px",
                    f"x of the centre of the round field of view; {PIXELS}; empty where no border is seen",
                ),
                Column("fov_cy_px", "px", "y of its centre"),
                Column("fov_radius_px", "px", "radius of the smallest circle around it"),
                Column(
                    "quality_score",
                    "0 to 1",
                    "smallest score of field of view, focus, noise, contrast, light, colour, and disc found; below 0.5 "
                    "ungradable; made of rules, not of graders' labels, unless quality_source is model: then a network's "
                    "score, which has a limit of its own",
                ),
                Column("gradable", "yes | no", "whether every limit is kept; status_reason names those that are not"),
                Column(
                    "ungradable_by",
                    "rules | model",
                    "which of the two found the photograph ungradable, separated by a semicolon: the rules, or the "
                    "network's quality score; empty for a gradable photograph",
                ),
            ),
        ),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the numbers of `fundus_mtl.biomarkers.gradability`."""
        quality = found.quality
        refused = quality["ungradable_by"]
        source: Columns = {"quality_source": "model"} if "model" in refused else {}
        return source | {
            "fov_cx_px": quality["fov_cx_px"],
            "fov_cy_px": quality["fov_cy_px"],
            "fov_radius_px": quality["fov_radius_px"],
            "quality_score": quality["quality_score"],
            "gradable": quality["gradable"],
            "ungradable_by": ";".join(refused) or None,
        }


class NotGradable(Relation):
    """A flag for numbers of a photograph that is not gradable."""

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return it where there are numbers although the photograph is not gradable."""
        return ["not_gradable"] if found.ungradable and not found.withheld else []


class Scale(Relation):
    """The scale of the photograph, where it is known and can be right."""

    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            73,
            (
                Column("mm_per_px_x", "mm per px", "the scale along x"),
                Column("mm_per_px_y", "mm per px", "the scale along y"),
                Column(
                    "scale_source",
                    "pixel_spacing | user | assumed",
                    "where the scale comes from: the file, the user, or a usual size",
                ),
            ),
        ),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the scale; nothing where it is not known."""
        if found.facts.mm_per_px is None:
            return {}
        across, down = found.facts.mm_per_px
        return {"mm_per_px_x": across, "mm_per_px_y": down, "scale_source": found.facts.scale_source}

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return whether the scale was dropped."""
        return [SCALE_IMPLAUSIBLE] if found.facts.scale_fault else []


class BurnedIn(Relation):
    """Whether the file's header says that text is burned into the picture."""

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return that it does."""
        return [BURNED_IN] if found.facts.burned_in else []
