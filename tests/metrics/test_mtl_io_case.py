"""The measures of MTL-IO's code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from fundus_mtl.metrics import MTLIOCase, VCDRRegression, column_ratio, summarise_mtl_io
from fundus_mtl.metrics._mtl_io_case import largest_component_or_all


def sample(**changes):
    """4x6: a disc of 2x3, a cup of 1x1, found but for one column; the fovea one pixel to the right."""
    disc, cup, fovea, peak = (torch.zeros(1, 4, 6) for _ in range(4))
    disc[0, 1:3, 1:4], cup[0, 1, 2] = 1, 1
    fovea[0, 2, 4], peak[0, 2, 5] = 1, 0.5
    return {
        "id": "a", "disc": disc, "cup": cup, "fovea": fovea, "glaucoma": torch.tensor([1.0]),
        "pred_disc": 0.8 * disc * (torch.arange(6) < 3), "pred_cup": 0.6 * cup, "pred_fovea": peak,
        "pred_glaucoma": torch.tensor([0.25]),
    } | changes  # fmt: skip


def test_a_photograph_by_hand():
    """Disc: 4 of 6 pixels found. Ratio: 0.6 / (0.8 + 0.8), of the truth 1 / 2."""
    row = MTLIOCase(VCDRRegression(0.0, 0.0))(sample())
    assert row["disc_dice"] == pytest.approx(2 * 4 / (4 + 6))
    assert row["cup_dice"] == 1
    assert (row["vcdr_pred"], row["vcdr_true"]) == (pytest.approx(0.6 / 1.6), pytest.approx(0.5))
    assert row["vcdr_abs_error"] == pytest.approx(0.125)
    assert row["fovea_error_px256"] == pytest.approx(1)
    assert row["glaucoma_prob"] == pytest.approx((0.25 + 0.5) / 2)
    assert (row["glaucoma_true"], row["glaucoma_prob_classifier"]) == (1, 0.25)


def test_a_component_connects_at_sides_and_an_empty_mask_becomes_everything():
    """Two pixels that touch at a corner are two components; the first of equal ones is kept."""
    mask = np.zeros((4, 6), bool)
    mask[1, 1] = mask[2, 2] = True
    assert largest_component_or_all(mask).sum() == 1
    assert largest_component_or_all(mask)[1, 1]
    mask[2, 3] = True
    assert largest_component_or_all(mask).sum() == 2
    assert largest_component_or_all(np.zeros((4, 6), bool)).all()
    row = MTLIOCase()(sample(pred_disc=torch.full((1, 4, 6), 0.49)))
    assert row["disc_dice"] == pytest.approx(2 * 6 / (24 + 6))


def test_the_centre_of_mass_is_of_the_whole_map():
    """A second peak moves the point halfway."""
    peaks = torch.zeros(1, 4, 6)
    peaks[0, 2, 4] = peaks[0, 2, 0] = 0.5
    assert MTLIOCase()(sample(pred_fovea=peaks))["fovea_error_px256"] == pytest.approx(2)


def test_column_ratio_of_masks_of_another_size():
    """Oracle: Pillow's nearest neighbour. A property: a scaled mask keeps its ratio."""
    from PIL import Image

    rng = np.random.default_rng(0)
    disc = ndimage.gaussian_filter(rng.random((90, 60)), 4) > 0.5
    cup = disc & (rng.random((90, 60)) > 0.5)
    small = [
        np.asarray(Image.fromarray(m.astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST)) for m in (disc, cup)
    ]
    expected = small[1].sum(axis=0).max() / (small[0].sum(axis=0).max() + 1e-7)
    assert column_ratio(disc, 255 * cup, size=32) == pytest.approx(expected)
    doubled = [np.kron(m, np.ones((2, 2))) for m in (disc, cup)]
    assert column_ratio(*doubled) == pytest.approx(column_ratio(disc, cup), abs=1e-6)


def test_what_is_missing_is_nan():
    row = MTLIOCase()(sample(fovea_present=torch.tensor(False), glaucoma_present=False))
    assert np.isnan([row[key] for key in ("fovea_error_px256", "glaucoma_true", "glaucoma_prob_vcdr")]).all()
    assert row["glaucoma_prob"] == 0.25
    given = sample()
    row = MTLIOCase()({key: value for key, value in given.items() if key not in ("cup", "pred_cup")})
    assert np.isnan([row[key] for key in ("cup_dice", "vcdr_pred", "vcdr_abs_error")]).all()
    assert row["disc_dice"] > 0


def test_the_summary_has_the_names_of_the_comparisons():
    rows = pd.DataFrame([
        MTLIOCase()(sample(glaucoma=torch.tensor([float(k % 2)]), pred_glaucoma=torch.tensor([0.2 + 0.15 * k])))
        for k in range(4)
    ])  # fmt: skip
    values = dict(summarise_mtl_io(rows, n=0)[["metric", "value"]].itertuples(index=False))
    assert {"disc_dice", "cup_dice", "vcdr_mae", "fovea_error_px256_mean", "auc", "auc_classifier"} <= set(values)
    assert values["auc"] == pytest.approx(0.75)  # scores 0.2 0.35 0.5 0.65, positive the second and fourth
    assert values["accuracy_0_5"] == pytest.approx(0.5)
