"""The columns of the tables: the data dictionary. One name, one unit, one meaning.

An empty cell is a quantity that was not asked for or could not be measured; a text is one of those that its unit lists.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table."""

    name: str
    unit: str
    meaning: str


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


PIXELS = "native pixels of the upright photograph; origin at the centre of the top-left pixel, x right, y down"


COLUMNS: tuple[Column, ...] = (
    Column("image_id", "", "the photograph's name in this run; an apostrophe is put before a leading = + - @"),
    Column(
        "source_relpath",
        "",
        "path of the file relative to the input folder or the list's; empty where ids are hashes or the list's own",
    ),
    Column("source_sha256", "hex", "SHA-256 of the file; empty where it could not be read"),
    Column(
        "status",
        "ok | ungradable | failed",
        "ok: the network answered; ungradable: too bad a photograph to measure, no number of the network is given; failed: "
        "no number of this row may be used",
    ),
    Column("status_reason", "", "why the photograph failed or is ungradable, or what was not found in it"),
    Column("width_px", "px", "width of the upright photograph"),
    Column("height_px", "px", "height of the upright photograph"),
    Column("laterality", "R | L | unknown", "right or left eye"),
    Column(
        "laterality_source",
        "dicom | list | filename | predicted",
        "the first that says it: the DICOM header or the user's list, the file's name, the side of the disc seen from the "
        "fovea; empty where none does",
    ),
    Column("laterality_conflict", "yes | no", "whether two of these disagree; empty where fewer than two say anything"),
    Column("fov_cx_px", "px", f"x of the centre of the round field of view; {PIXELS}; empty where no border is seen"),
    Column("fov_cy_px", "px", "y of its centre"),
    Column("fov_radius_px", "px", "radius of the smallest circle around it"),
    Column(
        "quality_score",
        "0 to 1",
        "smallest score of field of view, focus, noise, contrast, light, colour, and disc found; below 0.5 ungradable; "
        "made of rules, not of graders' labels",
    ),
    Column("gradable", "yes | no", "whether every limit is kept; status_reason names those that are not"),
    Column(
        "glaucoma_prob",
        "0 to 1",
        "research score of the classifier; no probability of disease, also where it is calibrated to a validation set, "
        "whose prevalence it then carries",
    ),
    Column("glaucoma_calibrated", "yes | no", "whether the score was calibrated; empty without a score"),
    Column("glaucoma_threshold", "0 to 1", "the threshold that the user gave; empty without one"),
    Column(
        "glaucoma_flag",
        "yes | no",
        "whether the score reaches the threshold; a research flag; empty without a threshold",
    ),
    Column("vcdr", "1", "vertical cup-to-disc ratio: height of the cup over height of the disc"),
    Column("hcdr", "1", "horizontal cup-to-disc ratio: width of the cup over width of the disc"),
    Column("acdr", "1", "area of the cup over area of the disc"),
    *RIM_COLUMNS,
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
    *MM_COLUMNS,
    Column(
        "vcdr_uncertainty",
        "1",
        "standard deviation of vcdr over the photograph and its mirrored views; empty without views",
    ),
    Column("glaucoma_prob_uncertainty", "1", "standard deviation of glaucoma_prob over the same views"),
    Column(
        "fovea_uncertainty_px",
        "px",
        "root mean square distance of the same views' foveas from their mean point (n - 1)",
    ),
    Column("flags", "", "reasons to look at the photograph before using its numbers, separated by semicolons"),
    Column("model_id", "", "name of the model that looks at the whole photograph"),
    Column("model_sha256", "hex", "SHA-256 of its weights"),
    Column(
        "further_sha256",
        "name=hex",
        "SHA-256 of what else made the row, separated by semicolons: the model of a closer look at the disc, that of "
        "vessels, the calibration; empty without",
    ),
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
    Column("crae_um", "µm", "crae_px by the scale; empty without one"),
    Column("crve_um", "µm", "crve_px by the scale; empty without one"),
    Column("avr", "1", "crae_px over crve_px"),
    Column("artery_count", "", "arteries that cross zone B; fewer than six have no equivalent"),
    Column("vein_count", "", "veins that cross zone B"),
    Column("density_vessel_B", "1", "share of zone B, 0.5 to 1 disc diameters from the disc's edge, that is vessel"),
    Column("density_vessel_C", "1", "share of zone C, 0.5 to 2 disc diameters from the disc's edge, that is vessel"),
)
FAILURE_COLUMNS: tuple[Column, ...] = (
    Column("source_relpath", "", "as in the results; image_id where it is empty there"),
    Column("stage", "scan | read | prepare | predict | postprocess | measure", "where it failed"),
    Column("error_class", "", "name of the Python exception"),
    Column("message", "", "what was wrong, in one line"),
)
MASKS = Column("masks/<image_id>.png", "code", "0 cup, 128 rim of the disc, 255 background (REFUGE); native size")
OVERLAYS = Column(
    "overlays/<image_id>.jpg", "", "the photograph with outlines of disc and cup and a cross at the fovea"
)
ARTERY_VEIN = Column(
    "artery_vein/<image_id>.png", "colour", "red artery, blue vein, green both, black neither (HRF-AV)"
)
RESULTS_JSONL = Column("results.jsonl", "", "the same rows as results.csv, one JSON each; null where a cell is empty")
JOURNAL = Column("journal.jsonl", "", "what is done, for a run that is to go on; not a result")
VESSELS = Column("vessels/<image_id>.png", "", "white where the vessel head sees a vessel; native size")
PROBABILITIES = Column(
    "probabilities/<image_id>_<structure>.nii.gz",
    "0 to 1",
    "only with save_probabilities: what the masks were cut from, of disc, cup, artery, vein or vessel; native size",
)
