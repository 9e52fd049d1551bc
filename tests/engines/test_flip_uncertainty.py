"""Standard deviations over mirrored views."""

from __future__ import annotations

import math

import pytest
import torch

from fundus_mtl.engines import FlipUncertainty
from fundus_mtl.results import Cup, Disc, Fovea, Glaucoma, flip_spreads


def sample(disc_rows, cup_rows, fovea=(1.0, 2.0), score=0.5):
    """A photograph of 20x30 px with a disc and a cup of so many rows."""
    disc, cup = torch.zeros(1, 20, 30), torch.zeros(1, 20, 30)
    disc[:, 2 : 2 + disc_rows, 4:16] = 1
    cup[:, 3 : 3 + cup_rows, 6:12] = 1
    return {"pred_d": disc, "pred_c": cup, "pred_f": torch.tensor(fovea), "pred_g": torch.tensor([score]), "id": "x"}


def roles():
    return {"spreads": flip_spreads([Disc("d"), Cup("c"), Fovea("f"), Glaucoma("g")])}


def test_by_hand():
    """Ratios .5 .6 .7, scores .2 .4 .6; points (0,0) (3,0) (0,6): variances 3 and 12."""
    views = [lambda _: sample(10, 6, (3.0, 0.0), 0.4), lambda _: sample(10, 7, (0.0, 6.0), 0.6)]
    found = FlipUncertainty(views, **roles())(sample(10, 5, (0.0, 0.0), 0.2))
    assert found["uncertainty_vcdr"] == pytest.approx(0.1)
    assert found["uncertainty_glaucoma_prob"] == pytest.approx(0.2)
    assert found["uncertainty_fovea_px"] == pytest.approx(math.sqrt(15))
    assert found["id"] == "x"


def test_views_that_agree_have_none_and_a_missing_answer_is_not_a_number():
    agree = FlipUncertainty([dict], **roles())(sample(10, 5))
    assert (agree["uncertainty_vcdr"], agree["uncertainty_fovea_px"]) == (0, 0)
    lost = FlipUncertainty([lambda _: sample(0, 0, (math.nan, 1.0))], **roles())(sample(10, 5))
    assert math.isnan(lost["uncertainty_vcdr"])
    assert math.isnan(lost["uncertainty_fovea_px"])
    assert lost["uncertainty_glaucoma_prob"] == 0


def test_a_view_without_an_answer_gives_no_spread():
    """No disc was found in a view, so that no second stage looked for a cup there."""
    alone = {key: value for key, value in sample(10, 5).items() if key != "pred_c"}
    for views in ([lambda _: alone], [dict]):
        found = FlipUncertainty(views, **roles())(alone if views == [dict] else sample(10, 5))
        assert math.isnan(found["uncertainty_vcdr"])
        assert found["uncertainty_glaucoma_prob"] == 0


def test_roles_that_no_task_has_are_left_out_and_no_view_is_refused():
    assert set(
        FlipUncertainty([dict], flip_spreads([Disc("d"), Cup(None), Glaucoma("g")]))({"pred_g": torch.tensor([0.1])})
    ) == {
        "pred_g",
        "uncertainty_glaucoma_prob",
    }
    with pytest.raises(ValueError, match="expected at least one, but got none"):
        FlipUncertainty([], {})
