"""The final glaucoma score of a row: classifier, cup-to-disc ratio, and the mean of both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fundus_mtl.metrics import VCDRRegression
from fundus_mtl.results import Cup, Disc, Glaucoma, Layout, Measure, Rules, flip_spreads
from tests.biomarkers.fundus_drawings import fundus

SHAPE = (340, 400)
PICTURE, _ = fundus(*SHAPE, radius=160)
REGRESSION = VCDRRegression(10.0, -6.0)  # 0.5 at a ratio of 0.6
NAMES = ("glaucoma_prob", "glaucoma_prob_classifier", "glaucoma_prob_vcdr")


def sample(cup_rows=36, score=0.3):
    """A disc of 60 x 50 px with a cup of so many rows."""
    disc, cup = np.zeros((1, *SHAPE), bool), np.zeros((1, *SHAPE), bool)
    disc[0, 130:190, 260:310], cup[0, 150 : 150 + cup_rows, 270:300] = True, True
    return {"pred_d": disc, "pred_c": cup, "pred_g": np.array([score])}


def roles(regression=REGRESSION, classifier="g"):
    return [Disc("d"), Cup("c"), Glaucoma(classifier, regression=regression)]


def scores(measured):
    return [measured.columns.get(name) for name in NAMES]


def test_the_final_score_is_the_mean_of_both():
    assert scores(Measure(roles())(PICTURE, sample())) == pytest.approx([0.4, 0.3, 0.5])
    steep = 1 / (1 + math.exp(-(10 * 18 / 60 - 6)))
    assert scores(Measure(roles())(PICTURE, sample(18))) == pytest.approx([(0.3 + steep) / 2, 0.3, steep])


def test_where_one_is_missing():
    assert scores(Measure(roles(None))(PICTURE, sample())) == [0.3, 0.3, None]  # no regression: as it was before it
    assert scores(Measure(roles())(PICTURE, sample(0))) == [0.3, 0.3, None]  # no cup
    alone = Measure(roles())(PICTURE, sample(score=math.nan))
    assert scores(alone) == [None, None, pytest.approx(0.5)]
    assert alone.flags == ("score_missing",)
    assert scores(Measure([Glaucoma("g", regression=REGRESSION)])(PICTURE, sample())) == [0.3, 0.3, None]
    assert scores(Measure(roles(classifier=None))(PICTURE, sample())) == [None, None, None]


def test_the_threshold_is_for_the_final_score():
    for threshold, flag in ((0.4, True), (0.41, False), (0.35, True)):
        found = Measure(roles(), Rules(glaucoma_threshold=threshold))(PICTURE, sample()).columns
        assert found["glaucoma_flag"] is flag


def test_the_columns_are_there_whatever_answers():
    for given in (roles(), roles(None), roles(classifier=None)):
        names = [column.name for column in Layout.of(Measure(given)).columns]
        assert [name for name in names if name in NAMES] == list(NAMES)
    meanings = {column.name: column.meaning for column in Layout.of(Measure(roles())).columns}
    assert "mean of glaucoma_prob_classifier and glaucoma_prob_vcdr" in meanings["glaucoma_prob"]


def test_a_report_names_the_models_that_the_final_score_is_made_of():
    def made_of(given):
        return {one["column"]: one["roles"] for one in Layout.of(Measure(given)).exported()["quantities"]}[
            "glaucoma_prob"
        ]

    assert made_of(roles()) == ("glaucoma", "disc", "cup")
    assert made_of(roles(None)) == ("glaucoma",)


def test_a_reason_for_a_missing_score_is_kept_where_there_is_no_score():
    assert Measure([Glaucoma(None, "it did not hold")]).unanswered == {"glaucoma": "it did not hold"}
    assert Measure([Glaucoma(None)]).unanswered == {}
    assert Measure([Glaucoma("g", "it did not hold")]).unanswered == {}


def test_its_spread_is_that_of_the_final_scores():
    views = [sample(36, 0.3), sample(36, 0.5)]
    spread = flip_spreads(roles())["uncertainty_glaucoma_prob"]
    assert spread(views) == pytest.approx(np.std([0.4, 0.5], ddof=1))
    assert spread([sample(0, 0.3), sample(0, 0.5)]) == pytest.approx(np.std([0.3, 0.5], ddof=1))
    assert math.isnan(spread([sample(0, 0.3), sample(36, 0.5)]))
    assert flip_spreads(roles(None))["uncertainty_glaucoma_prob"](views) == pytest.approx(np.std([0.3, 0.5], ddof=1))
