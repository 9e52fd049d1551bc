from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, roc_auc_score

from fundus_mtl.metrics import (
    RefugeCase,
    bootstrap_interval,
    rank_correlation,
    refuge,
    sensitivity_at_specificity,
    summarise,
)

COLUMNS = ["metric", "value", "low", "high", "n", "unit", "definition", "note"]


@pytest.fixture
def rows():
    """Forty cases; every fourth is positive; the first has no cup and no label."""
    generator = np.random.default_rng(11)
    label = (np.arange(40) % 4 == 1).astype(float)
    frame = pd.DataFrame({"id": [f"case {index}" for index in range(40)], "glaucoma_true": label})
    for name in ("disc_dice", "cup_dice", "vcdr_abs_error", "refuge_disc_dice", "refuge_cup_dice", "refuge_ae_cdr"):
        frame[name] = generator.random(40)
    for name in ("fovea_error_px", "fovea_error_px256", "fovea_error_dd", "disc_centre_error_px"):
        frame[name] = generator.random(40)
    frame["disc_centre_inside"] = 1.0
    for name in ("glaucoma_prob", "glaucoma_prob_vcdr", "glaucoma_prob_classifier"):
        frame[name] = generator.random(40) * 0.6 + 0.3 * label
    for name in ("quality_pred", "quality_true", "quality_abs_error"):
        frame[name] = generator.random(40)
    frame.loc[0, ["cup_dice", "glaucoma_true"]] = nan
    return frame


def by_metric(frame, **kwargs):
    return summarise(frame, n=40, **kwargs).set_index("metric")


def test_every_number_by_another_method(rows):
    summary, last = by_metric(rows), rows[1:]
    means = [
        "disc_dice",
        "cup_dice",
        "refuge_disc_dice",
        "refuge_cup_dice",
        "disc_centre_error_px",
        "disc_centre_inside",
    ]
    expected = {name: rows[name].mean() for name in means}
    expected |= {"vcdr_mae": rows["vcdr_abs_error"].mean(), "refuge_mae_cdr": rows["refuge_ae_cdr"].mean()}
    for scale in ("px", "px256", "dd"):
        expected |= {f"fovea_error_{scale}_{how}": rows[f"fovea_error_{scale}"].agg(how) for how in ("mean", "median")}
    expected["fovea_within_0_25_dd"] = sum(error <= 0.25 for error in rows["fovea_error_dd"]) / 40
    expected["fovea_within_0_5_dd"] = sum(error <= 0.5 for error in rows["fovea_error_dd"]) / 40
    expected["quality_rank"] = spearmanr(rows["quality_pred"], rows["quality_true"]).statistic
    expected["quality_mae"] = rows["quality_abs_error"].mean()
    for suffix in ("", "_vcdr", "_classifier"):
        score, label = last[f"glaucoma_prob{suffix}"], last["glaucoma_true"]
        expected |= {
            f"auc{suffix}": roc_auc_score(label, score),
            f"accuracy_0_5{suffix}": accuracy_score(label, score >= 0.5),
            f"sensitivity_0_5{suffix}": (score[label == 1] >= 0.5).mean(),
            f"specificity_0_5{suffix}": (score[label == 0] < 0.5).mean(),
            f"sensitivity_at_specificity_0_85{suffix}": sensitivity_at_specificity(score, label, 0.85),
            f"refuge_reference_sensitivity{suffix}": refuge.reference_sensitivity(score, label),
        }
    assert summary["value"].to_dict() == pytest.approx(expected)
    assert list(summarise(rows, n=2).columns) == COLUMNS


def test_intervals_and_counts(rows):
    summary = by_metric(rows, seed=4)
    assert (summary.loc["disc_dice", "n"], summary.loc["cup_dice", "n"], summary.loc["auc", "n"]) == (40, 39, 39)
    mean = bootstrap_interval(rows["disc_dice"], lambda values: float(np.mean(values)), n=40, seed=4)
    assert (summary.loc["disc_dice", "low"], summary.loc["disc_dice", "high"]) == mean
    labels = rows["glaucoma_true"]
    interval = bootstrap_interval((rows["glaucoma_prob"], labels), roc_auc_score_of, n=40, seed=4, strata=labels)
    assert tuple(summary.loc["auc", ["low", "high"]]) == pytest.approx(interval)
    inside = (summary["low"] <= summary["value"]) & (summary["value"] <= summary["high"])
    assert inside.mean() > 0.9
    assert summary.loc["auc", "note"] == "10 of 39 positive; missing in 1 of 40 cases"
    assert summary.loc["cup_dice", "note"] == "missing in 1 of 40 cases"
    assert summary.loc["disc_dice", "note"] == ""
    pair = (rows["quality_pred"], rows["quality_true"])  # numbers, not classes: resampled together, nothing is positive
    assert tuple(summary.loc["quality_rank", ["low", "high"]]) == bootstrap_interval(
        pair, rank_correlation, n=40, seed=4
    )
    assert summary.loc["quality_rank", "note"] == ""


def roc_auc_score_of(score, label):
    return roc_auc_score(label, score)


def test_units_and_definitions(rows):
    summary = by_metric(rows)
    assert summary.loc["fovea_error_px_mean", "unit"] == "px"
    assert summary.loc["fovea_error_dd_median", "unit"] == "disc diameters"
    assert summary["definition"].is_unique
    assert "native" in summary.loc["fovea_error_px_mean", "definition"]


def test_operating_point_is_in_the_name(rows):
    summary = by_metric(rows, threshold=0.3, specificity=0.9)
    label, score = rows["glaucoma_true"], rows["glaucoma_prob"]
    assert summary.loc["sensitivity_0_3", "value"] == (score[label == 1] >= 0.3).mean()
    best = sensitivity_at_specificity(score, label, 0.9)
    assert summary.loc["sensitivity_at_specificity_0_9", "value"] == best


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"id": ["a", "b"]})])
def test_no_data(frame):
    summary = by_metric(frame)
    assert summary[["value", "low", "high"]].isna().all(axis=None)
    assert (summary["n"] == 0).all()
    assert (summary["note"] == "no case has a value").all()


def test_one_case_and_one_class(rows):
    one = by_metric(rows[1:2])
    assert one.loc["disc_dice", "value"] == rows.loc[1, "disc_dice"]
    assert isnan(one.loc["disc_dice", "low"])
    assert one.loc["disc_dice", "note"] == "one case has no interval"
    negatives = by_metric(rows[rows["glaucoma_true"] == 0])
    assert isnan(negatives.loc["auc", "value"])
    assert negatives.loc["auc", "n"] == 29
    assert negatives.loc["auc", "note"] == "0 of 29 positive; a class is missing"
    assert negatives.loc["specificity_0_5", "value"] > 0.5


def test_rows_of_the_measure_fit(rows):
    """What RefugeCase writes is what the summary reads, but for the two ratios themselves."""
    row = RefugeCase()({"id": "x"})
    assert not {column for column in rows if column not in row}
    both = ({"glaucoma_true": label, "quality_true": label, "quality_pred": label} for label in (0.0, 1.0))
    known = by_metric(pd.DataFrame([{**dict.fromkeys(row, 0.5), **values} for values in both]))
    assert known["value"].notna().all()
