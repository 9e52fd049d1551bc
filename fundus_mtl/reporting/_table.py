"""Tables out: their columns with units and meanings, and cells that no spreadsheet mistakes for a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Value = str | int | float | None


class Column(NamedTuple):
    """A column of a table."""

    name: str
    unit: str
    meaning: str


PIXELS = "native pixels of the upright photograph; origin at the centre of the top-left pixel, x right, y down"
COLUMNS: tuple[Column, ...] = (
    Column("image_id", "", "the photograph's name in this run; an apostrophe is put before a leading = + - @"),
    Column("source_relpath", "", "path of the file relative to the input folder"),
    Column("source_sha256", "hex", "SHA-256 of the file; empty where it could not be read"),
    Column("status", "ok | failed", "ok: the network answered; failed: no number of this row may be used"),
    Column("status_reason", "", "why the photograph failed, or what was not found in it"),
    Column("width_px", "px", "width of the upright photograph"),
    Column("height_px", "px", "height of the upright photograph"),
    Column("laterality", "R | L | unknown", "right or left eye"),
    Column(
        "laterality_source", "filename | predicted", "the file's name, else the side of the disc seen from the fovea"
    ),
    Column("vcdr", "1", "vertical cup-to-disc ratio: height of the cup over height of the disc"),
    Column("hcdr", "1", "horizontal cup-to-disc ratio: width of the cup over width of the disc"),
    Column("acdr", "1", "area of the cup over area of the disc"),
    Column("disc_area_px", "px²", "pixels of the disc, cup included: largest component, holes filled"),
    Column("disc_height_px", "px", "vertical extent of the disc"),
    Column("disc_width_px", "px", "horizontal extent of the disc"),
    Column("cup_area_px", "px²", "pixels of the cup inside the disc"),
    Column("disc_cx_px", "px", f"x of the disc's centroid; {PIXELS}"),
    Column("disc_cy_px", "px", "y of the disc's centroid"),
    Column("fovea_x_px", "px", f"x of the fovea; {PIXELS}"),
    Column("fovea_y_px", "px", "y of the fovea"),
    Column("disc_fovea_dist_px", "px", "distance of the disc's centroid and the fovea"),
    Column(
        "disc_fovea_dist_dd", "disc diameters", "the same over the vertical disc diameter; 2.65 ± 0.30 in normal eyes"
    ),
    Column(
        "disc_fovea_angle_deg", "degrees", "angle of the line fovea to disc with the horizontal; positive: disc above"
    ),
    Column("glaucoma_prob", "0 to 1", "research score of the classifier, not calibrated; not a probability of disease"),
    Column("flags", "", "reasons to look at the photograph before using its numbers, separated by semicolons"),
    Column("model_id", "", "name of the model"),
    Column("model_sha256", "hex", "SHA-256 of the model's weights"),
    Column("software_version", "", "version of fundus_mtl"),
    Column("config_sha256", "hex", "SHA-256 of the configuration"),
    Column("timestamp_utc", "ISO 8601", "when the row was made; differs from run to run"),
    Column("runtime_s", "s", "time since the row before, shared by a batch; differs from run to run"),
)
VESSEL_COLUMNS: tuple[Column, ...] = (
    Column(
        "vessel_density", "1", "share of the field of view's pixels that are vessel (vessel head; else artery or vein)"
    ),
    Column("artery_density", "1", "share of the field of view's pixels that are artery; a crossing is both"),
    Column("vein_density", "1", "share of the field of view's pixels that are vein"),
    Column("tortuosity_artery", "1", "arc over chord of the arteries' segments, weighted by length; 1 is straight"),
    Column("tortuosity_vein", "1", "the same of the veins"),
    Column("fractal_dimension_vessel", "1", "of the centrelines, by counting boxes"),
    Column("crae_px", "px", "equivalent of the six widest arteries across zone B (Knudtson 2003); needs a disc"),
    Column("crve_px", "px", "equivalent of the six widest veins across zone B; needs a disc"),
    Column("avr", "1", "crae_px over crve_px"),
    Column("artery_count", "", "arteries that cross zone B; fewer than six have no equivalent"),
    Column("vein_count", "", "veins that cross zone B"),
)
FAILURE_COLUMNS: tuple[Column, ...] = (
    Column("source_relpath", "", "path of the file relative to the input folder"),
    Column("stage", "scan | read | prepare | measure | predict", "where it failed"),
    Column("error_class", "", "name of the Python exception"),
    Column("message", "", "what was wrong, in one line"),
)
MASKS = Column("masks/<source_relpath>.png", "code", "0 cup, 128 rim of the disc, 255 background (REFUGE); native size")
OVERLAYS = Column(
    "overlays/<source_relpath>.jpg", "", "the photograph with outlines of disc and cup and a cross at the fovea"
)
ARTERY_VEIN = Column(
    "artery_vein/<source_relpath>.png", "colour", "red artery, blue vein, green both, black neither (HRF-AV)"
)
VESSELS = Column("vessels/<source_relpath>.png", "", "white where the vessel head sees a vessel; native size")
VOLATILE_COLUMNS = ("timestamp_utc", "runtime_s")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: Value) -> str:
    """Return a value as the text of a cell: unknown (None, NaN) is empty, a number has at most six decimals.

    Text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection).
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return "0" if text == "-0" else text


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, Value]]) -> str:
    """Return a CSV table with a header; a row's missing columns are empty cells.

    Raises:
        ValueError: if a row has a column that the table has not.
    """
    names = [column.name for column in columns]
    lines = [_line(names)]
    for row in rows:
        if unknown := row.keys() - set(names):
            raise ValueError(f"expected columns of the table, but got {', '.join(sorted(unknown))}.")
        lines.append(_line([cell(row.get(name)) for name in names]))
    return "".join(lines)


def _line(cells: Sequence[str]) -> str:
    """Return a line of CSV; the writer must know of both line ends to put quotes around either."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def columns_of(vessels: bool) -> tuple[Column, ...]:
    """Return the columns of a run's table, with those of vessels before the flags if they were asked for."""
    place = [column.name for column in COLUMNS].index("flags")
    return (*COLUMNS[:place], *VESSEL_COLUMNS, *COLUMNS[place:]) if vessels else COLUMNS


def data_dictionary(vessels: bool = False) -> str:
    """Return the table of what every column, and every file beside the table, means."""
    about = (Column("column", "", ""), Column("unit", "", ""), Column("meaning", "", ""))
    entries = (*columns_of(vessels), MASKS, OVERLAYS, *((ARTERY_VEIN, VESSELS) if vessels else ()))
    return table(about, ({"column": name, "unit": unit, "meaning": meaning} for name, unit, meaning in entries))
