"""From a sample's answers to the columns of a row."""

from __future__ import annotations

import re
from math import isnan

import numpy as np
import pytest
import torch

from fundus_mtl.biomarkers import GradabilityLimits, clock_hours, rim_profile, vcdr_percentile
from fundus_mtl.results import ArteryVein, Cup, Disc, KnownFacts, Layout, Measure, Rules, Vessel, table
from tests.biomarkers.fundus_drawings import blurred, fundus

from .conftest import COLUMNS, ROLES

SHAPE = (340, 400)
PICTURE, FIELD = fundus(*SHAPE, radius=160)
RIMS = [column.name for column in COLUMNS if column.name.startswith("rim_")]


def sample(mirrored=False, **changes):
    """A disc 50 px wide and 60 high right of the fovea, so a right eye; the cup lies low and nasal."""
    disc, cup = np.zeros((1, *SHAPE), bool), np.zeros((1, *SHAPE), bool)
    disc[0, 130:190, 260:310], cup[0, 150:186, 280:305] = True, True
    fovea = np.array([120.0, 171.5])
    if mirrored:
        disc, cup, fovea = disc[..., ::-1], cup[..., ::-1], np.array([SHAPE[1] - 1 - 120.0, 171.5])
    answers = {"pred_disc": disc, "pred_cup": cup, "pred_fovea": fovea, "pred_glaucoma": torch.tensor([0.3])}
    return answers | changes


def row(name="x.png", facts=None, rules=None, picture=PICTURE, mirrored=False, **changes):
    return Measure(ROLES, rules)(picture, sample(mirrored, **changes), facts, name).columns


def test_a_row_by_hand():
    found = row()
    assert found["vcdr"] == 36 / 60
    assert found["hcdr"] == 25 / 50
    assert found["acdr"] == pytest.approx(36 * 25 / 3000)
    assert (found["disc_cx_px"], found["disc_cy_px"], found["cup_area_px"]) == (284.5, 159.5, 900)
    assert found["disc_fovea_dist_px"] == pytest.approx(np.hypot(164.5, 12))
    assert found["disc_fovea_angle_deg"] == pytest.approx(np.degrees(np.arctan2(12, 164.5)))
    assert found["fov_radius_px"] == pytest.approx(160.5, abs=2)
    assert (found["fov_cx_px"], found["fov_cy_px"]) == pytest.approx((199.5, 169.5), abs=2)
    assert found["gradable"] is True
    assert found["quality_score"] > 0.8
    assert (found["laterality"], found["laterality_source"], found["laterality_conflict"]) == ("R", "predicted", None)
    assert (found["flags"], found["status_reason"]) == ("", "")
    assert found["status"] == "ok"
    assert not {column for column in found if column.endswith(("_mm", "_mm2", "_uncertainty"))}


def test_every_column_has_a_place_in_the_table():
    facts = {"laterality": "L", "mm_per_px": (0.03, 0.03)}
    found = row("x_OD.png", facts, Rules(glaucoma_threshold=0.5), uncertainty_vcdr=0.01)
    assert set(found) <= {column.name for column in COLUMNS}
    names = [column.name for column in Layout.of(Measure([*ROLES, ArteryVein("av"), Vessel("v")])).columns]
    assert len(set(names)) == len(names)
    assert table(COLUMNS, [found]).count("\n") == 2


def test_the_rim_follows_the_axis_to_the_fovea():
    found, angle = row(), np.degrees(np.arctan2(12, 164.5))
    disc, cup = (sample()[f"pred_{role}"][0] for role in ("disc", "cup"))
    profile = rim_profile(disc, cup, "R", angle)
    assert found["rim_axis_deg"] == pytest.approx(angle)
    assert [found[f"rim_{sector}_px"] for sector in "ISNT"] == [profile[f"rim_{sector}_px"] for sector in "ISNT"]
    hours = clock_hours(profile["widths_px"])
    assert [found[f"rim_hour_{hour:02}_px"] for hour in range(1, 13)] == hours.tolist()
    assert (found["isnt_obeyed"], found["ist_obeyed"]) == (False, False)
    assert found["rim_T_px"] > found["rim_N_px"]  # the cup lies nasal
    assert found["rim_S_px"] > found["rim_I_px"]  # and low
    assert found["rim_disc_ratio_min"] == pytest.approx(profile["rim_disc_ratio_min"])


def test_a_mirrored_photograph_is_of_the_other_eye_with_the_same_rim():
    one, other = row(), row(picture=PICTURE[:, ::-1].copy(), mirrored=True)
    assert (one["laterality"], other["laterality"]) == ("R", "L")
    for name in (*RIMS, "disc_fovea_angle_deg", "vcdr", "hcdr"):
        assert one[name] == pytest.approx(other[name], abs=0.5), name
    assert other["disc_cx_px"] == pytest.approx(SHAPE[1] - 1 - one["disc_cx_px"])


@pytest.mark.parametrize("fovea_y", [20.0, 320.0])
def test_a_steep_axis_is_no_axis(fovea_y):
    found = row(pred_fovea=np.array([200.0, fovea_y]))
    assert found["rim_axis_deg"] == 0
    assert "disc_fovea_angle" in found["flags"]


@pytest.mark.parametrize(
    "name, facts, expected",
    [
        ("x.png", None, ("R", "predicted", None)),
        ("x_OD.png", None, ("R", "filename", False)),
        ("x_OS.png", None, ("L", "filename", True)),
        ("x_OS.png", {"laterality": "R"}, ("R", "dicom", True)),
        ("x.png", {"laterality": "L", "laterality_source": "list"}, ("L", "list", True)),
        ("x.png", {"laterality": "R", "laterality_source": "list"}, ("R", "list", False)),
        ("x.png", {"laterality": "B"}, ("R", "predicted", None)),
        ("x.png", {"laterality": None, "mm_per_px": None}, ("R", "predicted", None)),
    ],
)
def test_who_says_which_eye(name, facts, expected):
    found = row(name, facts)
    assert (found["laterality"], found["laterality_source"], found["laterality_conflict"]) == expected
    assert ("laterality_conflict" in found["flags"]) == bool(expected[2])


def test_nasal_and_temporal_are_never_guessed():
    unknown = row(pred_fovea=np.array([np.nan, np.nan]))
    disputed = row("x_OS.png")
    assert unknown["laterality"] == "unknown"
    for found in (unknown, disputed):
        assert [name for name in RIMS if name in found] == ["rim_disc_ratio_min"]
        assert "isnt_obeyed" not in found
    assert unknown["rim_disc_ratio_min"] == pytest.approx(row()["rim_disc_ratio_min"], abs=0.02)


def test_an_eye_told_without_a_fovea_has_a_level_rim():
    found = row(facts={"laterality": "R"}, pred_fovea=np.array([np.nan, np.nan]))
    assert found["rim_axis_deg"] == 0
    assert found["rim_T_px"] > found["rim_N_px"]


def test_a_missing_cup_leaves_ratios_unknown():
    found = row(pred_cup=np.zeros((1, *SHAPE), bool))
    assert isnan(found["vcdr"])
    assert isnan(found["rim_disc_ratio_min"])
    assert "rim_I_px" not in found
    assert found["cup_area_px"] is None
    assert (found["flags"], found["status_reason"]) == ("cup_missing", "cup not found")
    assert found["disc_height_px"] == 60


def test_millimetres_where_the_scale_is_known():
    found = row(facts={"mm_per_px": (0.02, 0.027)})
    assert found["disc_height_mm"] == pytest.approx(60 * 0.027)
    assert found["disc_width_mm"] == pytest.approx(1.0)
    assert found["disc_area_mm2"] == pytest.approx(3000 * 0.02 * 0.027)
    assert found["disc_fovea_dist_mm"] == pytest.approx(np.hypot(164.5 * 0.02, 12 * 0.027))
    assert (found["mm_per_px_x"], found["mm_per_px_y"], found["scale_source"]) == (0.02, 0.027, "pixel_spacing")
    assert found["vcdr_percentile"] == pytest.approx(vcdr_percentile(0.6, 1.62))
    assert found["vcdr_above_p97_5"] is False
    small = row(facts={"mm_per_px": (0.02, 0.0215), "scale_source": "user"})  # 1.29 mm, where 0.59 is the limit
    assert (small["vcdr_above_p97_5"], small["scale_source"]) == (True, "user")
    large = row(facts={"mm_per_px": (0.04, 0.04)})  # 2.4 mm: nothing is published
    assert isnan(large["vcdr_percentile"])
    assert large["vcdr_above_p97_5"] is None
    assert large["disc_height_mm"] == pytest.approx(2.4)


@pytest.mark.parametrize("scale", [None, (0.0, 0.01), (float("nan"), 0.01), ()])
def test_no_scale_is_assumed(scale):
    found = row(facts={"mm_per_px": scale})
    assert not {"mm_per_px_x", "scale_source", "disc_height_mm", "vcdr_percentile"} & set(found)


@pytest.mark.parametrize(
    "scale, reason",
    [
        ((6, 6), "a scale of 6 x 6 mm per px makes the photograph 2400 mm long; is it in micrometres?"),
        ((1, 1), "a scale of 1 x 1 mm per px makes the photograph 400 mm long; is it in micrometres?"),
        ((0.12, 0.12), "a scale of 0.12 x 0.12 mm per px makes the disc 7.2 mm long; is it in micrometres?"),
        ((0.006, 0.006), "a scale of 0.006 x 0.006 mm per px makes the disc 0.36 mm long; is it in another unit?"),
        (
            (1e300, 1e300),
            "a scale of 1e+300 x 1e+300 mm per px makes the photograph 4e+302 mm long; is it in micrometres?",
        ),
        ((-0.02, -0.02), "a scale of -0.02 x -0.02 mm per px is not positive"),
        ((float("nan"), 0.01), "a scale of nan x 0.01 mm per px is not positive"),
    ],
)
def test_an_implausible_scale_is_flagged_and_gives_no_millimetres(scale, reason):
    found = row(facts={"mm_per_px": scale, "scale_source": "user"})
    assert (found["flags"], found["status_reason"]) == ("scale_implausible", reason)
    assert not [name for name in found if "mm" in name.split("_") or name.endswith("mm2")]
    assert not {"scale_source", "vcdr_percentile", "crae_um"} & set(found)
    assert {name: value for name, value in row().items() if name not in ("flags", "status_reason")} == {
        name: value for name, value in found.items() if name not in ("flags", "status_reason")
    }


def test_an_illegal_scale_of_the_file_is_flagged():
    found = row(facts={"scale_fault": "the spacing is not two positive numbers"})
    assert (found["flags"], found["status_reason"]) == ("scale_implausible", "the spacing is not two positive numbers")
    assert "mm_per_px_x" not in found
    known = KnownFacts(lambda _: {"mm_per_px": None, "scale_fault": "x"}, mm_per_px=0.02).of({"image": "a.dcm"})
    assert (known.mm_per_px, known.scale_fault) == ((0.02, 0.02), None)  # the user's own scale is used


def ellipse(rows, columns, cy=160, cx=285):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (((y - cy) / rows) ** 2 + ((x - cx) / columns) ** 2 <= 1)[None]


NUMBERS = (
    "vcdr",
    "hcdr",
    "acdr",
    "disc_area_px",
    "disc_height_px",
    "rim_disc_ratio_min",
    "glaucoma_prob",
    "fovea_x_px",
)


@pytest.mark.parametrize(
    "disc, reason",
    [
        (FIELD[None], r"it covers 100% of the field of view, at most 50% expected"),
        (ellipse(66, 60), r"its height is 0\.41\d? of the field of view's diameter, 0\.015 to 0\.4 expected"),
        (ellipse(1.5, 1.5), r"its height is 0\.00\d+ of the field of view's diameter"),
        (ellipse(15, 40), r"one side is 2\.6 times the other, at most 2\.5 expected"),
        (ellipse(40, 40) & ~ellipse(30, 30) & ~ellipse(20, 60, cx=330), r"it fills \d\d% of its outline"),
    ],
)
def test_no_number_comes_from_a_mask_that_cannot_be_a_disc(disc, reason):
    found = row(pred_disc=disc)
    assert found["status"] == "ungradable"
    assert re.search(f"^disc not found; the disc is not believed: {reason}", found["status_reason"])
    assert found["flags"] == "disc_implausible"
    assert not set(NUMBERS) & set(found)


def test_an_implausible_disc_is_measured_where_the_user_wants_it():
    found = row(pred_disc=ellipse(66, 60), rules=Rules(withhold_implausible=False))
    assert found["disc_height_px"] == 133
    assert found["flags"].split(";")[0] == "disc_implausible"
    assert found["status_reason"].startswith("the disc is not believed")
    with pytest.raises(ValueError, match="^withhold_implausible: expected true or false, but got 'no'"):
        Rules(withhold_implausible="no")
    with pytest.raises(ValueError, match="^limits: expected GradabilityLimits or null, but got 'x'"):
        Rules(limits="x")


@pytest.mark.parametrize("disc", [ellipse(63, 60), ellipse(3, 3), ellipse(16, 38)])
def test_unusual_discs_are_measured(disc):
    found = row(pred_disc=disc, pred_cup=np.zeros_like(disc))
    assert (found["status"], "disc_implausible" in found["flags"]) == ("ok", False)
    assert found["disc_area_px"] == disc.sum()


@pytest.mark.parametrize("rival, believed", [(0.0, True), (0.5, True), (0.51, False)])
def test_of_two_discs_neither_is_believed(rival, believed):
    found = row(rival_pred_disc=rival)
    assert (found["status"] == "ok") is believed
    assert ("a second region has 51% of its area, at most 50% expected" in found["status_reason"]) is not believed
    assert ("vcdr" in found) is believed


def test_a_cup_larger_than_its_disc_gives_no_ratio():
    found = row(pred_cup=ellipse(50, 50), uncertainty_vcdr=0.01)
    reason = "cup not found; the cup is not believed: it has 7845 px, more than the disc (3000 px)"
    assert (found["status"], found["status_reason"]) == ("ok", reason)
    assert found["flags"] == "cup_implausible;cup_missing"
    assert all(isnan(found[name]) for name in ("vcdr", "hcdr", "acdr", "rim_disc_ratio_min"))
    assert "vcdr_uncertainty" not in found
    assert found["disc_height_px"] == 60  # the disc itself is believed


def test_a_cup_beside_its_disc_gives_no_ratio_and_one_over_the_edge_is_flagged():
    beside, over = np.zeros((1, *SHAPE), bool), np.zeros((1, *SHAPE), bool)
    beside[0, 150:180, 300:330], over[0, 150:180, 290:315] = True, True
    found = row(pred_cup=beside)
    assert found["status_reason"].endswith(
        "the cup is not believed: 67% of it lies outside of the disc, at most 50% expected"
    )
    assert isnan(found["vcdr"])
    found = row(pred_cup=over)
    assert (found["vcdr"], found["flags"]) == (0.5, "cup_outside_disc")


def test_scores_and_flags():
    assert "glaucoma_flag" not in row(pred_glaucoma=np.array([np.nan]))
    plain = row()
    assert plain["glaucoma_prob"] == pytest.approx(0.3)
    assert (plain["glaucoma_calibrated"], plain["glaucoma_threshold"], plain["glaucoma_flag"]) == (False, None, None)
    score = plain["glaucoma_prob"]
    for threshold, flag in ((0.2, True), (score, True), (0.4, False), (0.0, True)):
        found = row(rules=Rules(glaucoma_threshold=threshold, glaucoma_calibrated=True))
        assert (found["glaucoma_threshold"], found["glaucoma_flag"]) == (threshold, flag)
        assert found["glaucoma_calibrated"] is True
    for threshold in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="^glaucoma_threshold: expected a score from 0 to 1, but got"):
            Measure(ROLES, Rules(glaucoma_threshold=threshold))


def test_uncertainties_are_handed_on():
    keys = {"vcdr": 0.03, "glaucoma_prob": torch.tensor(0.1), "fovea_px": np.float64(4.5)}
    found = row(**{f"uncertainty_{key}": value for key, value in keys.items()})
    columns = ("vcdr_uncertainty", "glaucoma_prob_uncertainty", "fovea_uncertainty_px")
    assert [found[name] for name in columns] == pytest.approx([0.03, 0.1, 4.5])
    assert not set(columns) & set(row())


UNFOCUSED = blurred(PICTURE, 160, 0.02)


def test_an_ungradable_photograph_gets_no_number_of_the_network():
    facts = {"laterality": "L", "mm_per_px": (0.03, 0.03)}
    measure = Measure(ROLES, Rules(glaucoma_threshold=0.5))
    blind = measure(UNFOCUSED, sample(uncertainty_vcdr=0.1), facts, "x.png")
    assert blind.findings.withheld
    assert not any(one.pictures(blind.findings) for one in blind.contributions)
    assert not any(one.missing(blind.findings) for one in blind.contributions)
    assert (blind.masks, blind.points, blind.scores, blind.status) == ({}, {}, {}, "ungradable")
    found = blind.columns
    assert found["status"] == "ungradable"
    assert found["status_reason"].startswith("out of focus")
    assert found["gradable"] is False
    assert 0 <= found["quality_score"] < 0.5
    assert found["flags"] == ""
    known = {name for name, value in found.items() if value not in (None, "") and value == value}
    measured = {
        "width_px",
        "height_px",
        "fov_cx_px",
        "fov_cy_px",
        "fov_radius_px",
        "quality_score",
        "gradable",
        "ungradable_by",
        "status",
        "status_reason",
    }
    assert found["ungradable_by"] == "rules"
    assert known == measured | {"laterality", "laterality_source", "mm_per_px_x", "mm_per_px_y", "scale_source"}


def test_without_a_disc_nothing_is_graded():
    found = row(pred_disc=np.zeros((1, *SHAPE), bool))
    assert (found["status"], found["status_reason"], found["quality_score"]) == ("ungradable", "disc not found", 0)
    assert "glaucoma_prob" not in found


def test_the_user_may_want_the_numbers_nevertheless():
    found = row(rules=Rules(withhold_ungradable=False), picture=UNFOCUSED)
    assert found["vcdr"] == 0.6
    assert found["status"] == "ok"
    assert "not_gradable" in found["flags"].split(";")
    assert found["gradable"] is False
    assert found["status_reason"].startswith("out of focus")
    lenient = Rules(limits=GradabilityLimits(focus=0.1, contrast=0.01))
    assert row(rules=lenient, picture=UNFOCUSED)["gradable"] is True


def test_a_disc_at_the_border_of_the_field_of_view_is_flagged():
    disc, cup = np.zeros((1, *SHAPE), bool), np.zeros((1, *SHAPE), bool)
    disc[0, 150:190, 330:370], cup[0, 160:180, 340:360] = True, True
    assert "disc_at_edge" in row(pred_disc=disc, pred_cup=cup)["flags"]
    assert "disc_at_edge" not in row()["flags"]


def test_only_the_tasks_that_were_asked():
    found = Measure([Disc("disc"), Cup(None)])(PICTURE, sample()).columns
    assert not {"vcdr", "cup_area_px", "fovea_x_px", "glaucoma_prob", "rim_disc_ratio_min"} & set(found)
    assert found["disc_height_px"] == 60
    with pytest.raises(ValueError, match="^mask disc: expected the photograph's size \\(340, 400\\), but got"):
        row(pred_disc=np.zeros((1, 400, 340)))


@pytest.mark.parametrize("scale", ["abc", True, [0.006]])
def test_a_scale_that_is_no_number_is_refused_at_once(scale):
    with pytest.raises(ValueError, match="mm_per_px: expected millimetres per pixel, such as 0.006, but got"):
        KnownFacts(mm_per_px=scale)
