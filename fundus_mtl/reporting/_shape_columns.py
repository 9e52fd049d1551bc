"""The columns of the rim, by sector and hour, and of what has a scale in mm."""

from __future__ import annotations

from fundus_mtl.reporting._column import Column

RIM = "along the radius from the disc's centroid; turned by rim_axis_deg; empty unless the eye is known and undisputed"
HOURS = {12: " (superior)", 3: " (nasal)", 6: " (inferior)", 9: " (temporal)"}
RIM_COLUMNS: tuple[Column, ...] = (
    Column("rim_disc_ratio_min", "1", "smallest ratio over 360° of the rim's width and the disc's diameter along it"),
    *(
        Column(f"rim_{name[0].upper()}_px", "px", f"mean width of the rim in the 90° around {name}, {RIM}")
        for name in ("inferior", "superior", "nasal", "temporal")
    ),
    *(
        Column(
            f"rim_hour_{hour:02}_px",
            "px",
            f"the same in the 30° around {hour} o'clock{HOURS.get(hour, '')}, on the clock of a right eye; a left eye's is "
            "mirrored, so that 3 is nasal in both",
        )
        for hour in range(1, 13)
    ),
    Column(
        "rim_axis_deg", "degrees", "tilt of nasal-temporal towards the fovea; 0 where the fovea gives none within 25°"
    ),
    Column("isnt_obeyed", "yes | no", "inferior ≥ superior ≥ nasal ≥ temporal rim; holds in 37 to 77 % of normal eyes"),
    Column("ist_obeyed", "yes | no", "inferior ≥ superior ≥ temporal rim; describes a disc, not a disease"),
)
MM_COLUMNS: tuple[Column, ...] = (
    Column(
        "disc_area_mm2", "mm²", "disc_area_px in mm²; empty, as all in mm, where the photograph's scale is not known"
    ),
    Column("disc_height_mm", "mm", "vertical extent of the disc"),
    Column("disc_width_mm", "mm", "horizontal extent of the disc"),
    Column("cup_area_mm2", "mm²", "area of the cup"),
    Column("disc_fovea_dist_mm", "mm", "distance of the disc's centroid and the fovea; 4.76 ± 0.34 in normal eyes"),
    Column("mm_per_px_x", "mm per px", "the scale along x"),
    Column("mm_per_px_y", "mm per px", "the scale along y"),
    Column(
        "scale_source", "pixel_spacing | user | assumed", "who gives the scale: the file, the user, or a usual size"
    ),
    Column(
        "vcdr_percentile",
        "0 to 100",
        "percentile of vcdr among normal discs as high as disc_height_mm (Crowston 2004), by a normal distribution through "
        "the published median and 97.5th percentile, an assumption; empty outside 1.2 to 1.9 mm",
    ),
    Column(
        "vcdr_above_p97_5", "yes | no", "whether vcdr is above that published 97.5th percentile; no scale, no answer"
    ),
)
