from math import hypot, isnan, nan

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from fundus_mtl.metrics import RefugeCase, VCDRRegression
from fundus_mtl.metrics._refuge_case import COLUMNS

HEIGHT, WIDTH = 120, 160


TASKS = ("disc", "cup", "fovea", "glaucoma", "quality")


def box(top, bottom, left, right):
    mask = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8)
    mask[:, top:bottom, left:right] = 1
    return mask


@pytest.fixture
def sample():
    """True disc 40 x 20 px, cup 16 x 10; the prediction has the disc 4 px lower and a cup of 24 x 10 px."""
    return {
        "id": "g0001",
        "image": torch.zeros(3, 64, 64),
        "disc": box(30, 70, 100, 120),
        "cup": box(40, 56, 105, 115),
        "fovea": torch.tensor([40.0, 60.0], dtype=torch.float64),
        "glaucoma": torch.tensor([1.0]),
        "pred_disc": MetaTensor(box(34, 74, 100, 120)),
        "pred_cup": box(40, 64, 105, 115).bool(),
        "pred_fovea": torch.tensor([46.0, 68.0], dtype=torch.float64),
        "pred_glaucoma": torch.tensor([0.25]),
        "quality": torch.tensor([0.5]),
        "pred_quality": torch.tensor([0.75]),
        **{f"{task}_present": torch.tensor(True) for task in TASKS},
    }


def test_row_by_hand(sample):
    row = RefugeCase(regression=VCDRRegression(10.0, -6.0), quality="quality")(sample)
    assert (row.pop("id"), row.pop("note")) == ("g0001", "")
    assert tuple(row) == COLUMNS
    expected = {
        "disc_dice": 36 / 40,
        "cup_dice": 2 * 16 / (16 + 24),
        "vcdr_pred": 24 / 40,
        "vcdr_true": 16 / 40,
        "vcdr_abs_error": 8 / 40,
        "disc_centre_error_px": 4.0,
        "disc_centre_inside": 1.0,
        "refuge_disc_dice": 36 / 40,
        "refuge_cup_dice": 32 / 40,
        "refuge_vcdr_pred": 24 / (40 + 1e-7),
        "refuge_vcdr_true": 16 / (40 + 1e-7),
        "refuge_ae_cdr": 8 / (40 + 1e-7),
        "fovea_error_px": 10.0,
        "fovea_error_px256": hypot(6 * 256 / 160, 8 * 256 / 120),
        "fovea_error_dd": 10 / 40,
        "glaucoma_true": 1.0,
        "glaucoma_prob": 0.375,
        "glaucoma_prob_classifier": 0.25,
        "glaucoma_prob_vcdr": 0.5,
        "quality_true": 0.5,
        "quality_pred": 0.75,
        "quality_abs_error": 0.25,
    }
    assert row == pytest.approx(expected, abs=1e-12)


def test_clinical_and_official_ratio_differ(sample):
    """A speck far off and a cup cut in two: cleaned away or bridged by one, counted as they are by the other."""
    sample["pred_disc"][:, 5:110, 10] = 1
    sample["pred_cup"][:, 50:52] = False
    row = RefugeCase()(sample)
    assert row["vcdr_pred"] == 24 / 40
    assert row["refuge_vcdr_pred"] == 22 / (105 + 1e-7)
    assert row["disc_centre_error_px"] == 4.0


def test_fillers_are_not_labels(sample):
    for task in TASKS:
        sample[f"{task}_present"] = torch.tensor(False)
    row = RefugeCase(regression=VCDRRegression(10.0, -6.0), quality="quality")(sample)
    known = {name for name in COLUMNS if not isnan(row[name])}
    scores = {"glaucoma_prob", "glaucoma_prob_classifier", "glaucoma_prob_vcdr", "quality_pred"}
    assert known == {"vcdr_pred", *scores}
    assert row["note"] == "; ".join(f"{task} not labelled" for task in TASKS)


@pytest.mark.parametrize(
    "task, kept",
    [
        ("disc", {"disc_dice", "disc_centre_error_px", "disc_centre_inside"}),
        ("cup", {"cup_dice"}),
        ("fovea", {"fovea_error_px"}),
        ("glaucoma", {"glaucoma_true", "glaucoma_prob", "glaucoma_prob_classifier"}),
        ("quality", {"quality_true", "quality_pred", "quality_abs_error"}),
    ],
)
def test_a_bundle_of_one_task(sample, task, kept):
    other = set(TASKS) - {task}
    measure = RefugeCase(**{task: task, **dict.fromkeys(other)})
    row = measure({key: value for key, value in sample.items() if key.removeprefix("pred_") not in other})
    assert kept == {name for name in COLUMNS if not isnan(row[name])}
    assert row["note"] == ""
    without_prediction = measure({key: value for key, value in sample.items() if not key.startswith("pred_")})
    assert without_prediction["note"] == f"{task} not predicted"


def test_the_frame_is_known_from_the_reader(sample):
    """Without a predicted mask the reader's note gives height and width; without either the scaled error is unknown."""
    alone = {key: sample[key] for key in ("id", "fovea", "pred_fovea")}
    alone["image"] = MetaTensor(sample["image"], meta={"spatial_shape": (HEIGHT, WIDTH)})
    measure = RefugeCase(disc=None, cup=None, glaucoma=None)
    assert measure(alone)["fovea_error_px256"] == pytest.approx(hypot(6 * 256 / 160, 8 * 256 / 120))
    assert isnan(measure({**alone, "image": sample["image"]})["fovea_error_px256"])


def test_nothing_found(sample):
    sample["pred_disc"], sample["pred_cup"] = box(0, 0, 0, 0), box(0, 0, 0, 0)
    sample["pred_fovea"] = torch.full((2,), nan)
    row = RefugeCase(regression=VCDRRegression(10.0, -6.0))(sample)
    assert (row["disc_dice"], row["cup_dice"], row["refuge_vcdr_pred"], row["disc_centre_inside"]) == (0, 0, 0, 0)
    names = ("vcdr_pred", "vcdr_abs_error", "disc_centre_error_px", "fovea_error_px", "glaucoma_prob_vcdr")
    assert all(isnan(row[name]) for name in names)
    assert row["glaucoma_prob"] == row["glaucoma_prob_classifier"] == 0.25  # the ratio cannot be added
    assert row["note"] == "disc not found; cup not found; fovea not found"


def test_a_disc_elsewhere_is_not_inside(sample):
    sample["pred_disc"] = box(30, 70, 10, 30)
    row = RefugeCase()(sample)
    assert (row["disc_dice"], row["disc_centre_inside"], row["disc_centre_error_px"]) == (0.0, 0.0, 90.0)


def test_true_disc_labelled_empty(sample):
    sample["disc"] = sample["cup"] = box(0, 0, 0, 0)
    row = RefugeCase()(sample)
    names = ("vcdr_true", "fovea_error_dd", "disc_centre_inside", "disc_centre_error_px")
    assert all(isnan(row[name]) for name in names)
    assert (row["disc_dice"], row["fovea_error_px"]) == (0.0, 10.0)
    assert row["note"] == "disc labelled empty; cup labelled empty"


def test_another_grid_raises(sample):
    sample["pred_disc"] = torch.zeros(1, 64, 64)
    with pytest.raises(ValueError, match=r"but got \(64, 64\)"):
        RefugeCase()(sample)


def test_other_keys(sample):
    renamed = {key.replace("disc", "papilla"): value for key, value in sample.items()}
    assert RefugeCase(disc="papilla")(renamed) == pytest.approx(RefugeCase()(sample), nan_ok=True)
    assert np.isnan(RefugeCase()(renamed)["disc_dice"])
