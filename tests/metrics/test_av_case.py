"""A photograph's row of arteries and veins, and the rows' means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from fundus_mtl.metrics import ArteryVeinCase, av, summarise_av

RED, BLUE, GREEN, BLACK = (255, 0, 0), (0, 0, 255), (0, 255, 0), (0, 0, 0)
TRUTH = np.array([[RED, BLUE, BLACK], [GREEN, BLACK, BLACK]], dtype=np.uint8)
ARTERY = torch.tensor([[0.9, 0.2, 0.5], [0.7, 0.1, 0.0]])
VEIN = torch.tensor([[0.1, 0.8, 0.0], [0.6, 0.0, 0.2]])
VESSEL = torch.tensor([[0.9, 0.3, 0.5], [0.9, 0.0, 0.0]])


def sample(**changes):
    made = {
        "id": "01_h",
        "pred_artery_vein": torch.stack([ARTERY, VEIN]),
        "pred_vessel": VESSEL[None],
        "artery_vein_map": torch.from_numpy(TRUTH).permute(2, 0, 1),
        "fov": torch.tensor([[[1, 1, 1], [1, 1, 0]]]),
    }
    return {key: value for key, value in (made | changes).items() if value is not None}


def test_a_row_is_the_evaluation_of_the_thresholded_probabilities():
    row = ArteryVeinCase()(sample())
    expected = av.evaluate(
        ARTERY.numpy() >= 0.5,
        VEIN.numpy() >= 0.5,
        VESSEL.numpy() >= 0.5,
        TRUTH,
        np.array([[True, True, True], [True, True, False]]),
        artery_prob=ARTERY.numpy(),
        vein_prob=VEIN.numpy(),
        vessel_prob=VESSEL.numpy(),
    )
    assert row.pop("id") == "01_h"
    assert row.pop("note") == ""
    np.testing.assert_equal(row, expected)
    assert row["acc_vessel_frame"] == pytest.approx(
        4 / 6
    )  # the vein is missed, and one pixel too many is called vessel
    assert row["acc_vessel_fov"] == pytest.approx(3 / 5)


def test_thresholds_and_crossings_are_passed_on():
    strict = ArteryVeinCase(threshold=0.85)(sample())
    assert strict["sens_vessel_frame"] == pytest.approx(2 / 3)
    assert strict["sens_vein_frame"] == 0
    both = ArteryVeinCase(crossings="both")(sample())
    assert both["sens_artery_frame"] == 1
    assert both["acc_artery_frame"] > ArteryVeinCase()(sample())["acc_artery_frame"]


def test_without_centrelines_all_but_cldice_stays():
    whole, quick = ArteryVeinCase()(sample()), ArteryVeinCase(centrelines=False)(sample())
    lines = {name for name in whole if name.startswith("cldice_")}
    assert any(whole[name] == whole[name] for name in lines)
    assert all(quick[name] != quick[name] for name in lines)
    np.testing.assert_equal(
        {name: value for name, value in quick.items() if name not in lines},
        {name: value for name, value in whole.items() if name not in lines},
    )


def test_heads_and_field_of_view_may_be_missing():
    row = ArteryVeinCase(artery_vein=None)(sample(pred_artery_vein=None, fov=None))
    assert row["note"] == "field of view unknown"
    assert np.isnan(row["acc_artery_frame"])
    assert np.isnan(row["acc_vessel_fov"])
    assert not np.isnan(row["acc_vessel_frame"])
    assert np.isnan(ArteryVeinCase(vessel=None)(sample(pred_vessel=None))["acc_vessel_frame"])


def test_a_missing_truth_raises():
    with pytest.raises(ValueError, match="^01_h: expected artery_vein_map, but got none"):
        ArteryVeinCase()(sample(artery_vein_map=None))


def test_the_summary_is_the_mean_of_every_column():
    rows = [ArteryVeinCase()(sample()), ArteryVeinCase(threshold=0.85)(sample(fov=None))]
    table = pd.DataFrame(rows)
    summary = summarise_av(table, n=10).set_index("metric")
    columns = [name for name in table if name not in ("id", "note")]
    assert set(summary.index) == set(columns)
    for name in columns:
        assert summary.loc[name, "value"] == pytest.approx(table[name].mean(), nan_ok=True)
    assert summary.loc["f1_vessel_fov", "n"] == 1
    assert "field of view" in summary.loc["f1_vessel_fov", "definition"]
    assert "no vessel" in summary.loc["acc_av_frame_background", "definition"]
    assert summary["definition"].is_unique
