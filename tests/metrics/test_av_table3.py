from math import isnan, nan

import numpy as np
import pandas as pd
import pytest

from fundus_mtl.metrics import av

PAPER = ["Acc (A)", "F1 (A)", "Acc (V)", "F1 (V)", "Acc (AV)", "F1 (A/V)", "Acc", "F1"]


def rows():
    rng = np.random.default_rng(3)
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255), (0, 255, 0)], np.uint8)
    cases = []
    for _ in range(3):
        masks = rng.random((3, 6, 8)) < 0.4
        cases.append(av.evaluate(*masks, colours[rng.integers(0, 4, (6, 8))]))
    return pd.DataFrame(cases)


def test_means_over_photographs_in_the_papers_columns():
    cases = rows()
    table = av.table3(cases)
    assert list(table.columns) == PAPER
    assert list(table.index) == ["prediction", "all background"]
    for title, column in zip(PAPER, ("artery", "artery", "vein", "vein", "av", "av", "vessel", "vessel"), strict=True):
        quantity = "acc" if title.startswith("Acc") else "f1"
        values = cases[f"{quantity}_{column}_frame"].tolist()
        assert table.loc["prediction", title] == pytest.approx(sum(values) / 3)
    guess = table.loc["all background"]
    assert guess["Acc (V)"] == pytest.approx(cases["acc_vein_frame_background"].mean())
    assert guess[[title for title in PAPER if title.startswith("F1")]].tolist() == [0.0] * 4


def test_one_row_per_method_in_the_order_given():
    cases = pd.concat([rows().assign(method="b"), (rows() * 0.5).assign(method="a")])
    table = av.table3(cases, by="method")
    assert list(table.index) == ["b", "a", "all background"]
    assert table.loc["a", "F1"] == pytest.approx(table.loc["b", "F1"] / 2)


def test_missing_photographs_and_columns():
    cases = rows()
    cases.loc[0, "f1_vein_frame"] = nan
    assert av.table3(cases).loc["prediction", "F1 (V)"] == pytest.approx(cases["f1_vein_frame"][1:].mean())
    cases["acc_vein_frame_background"] = 1.0  # no photograph has a vein: nothing that a guess could miss
    assert isnan(av.table3(cases).loc["all background", "F1 (V)"])
    with pytest.raises(ValueError, match=r"expected the columns of evaluate, but got none named f1_vein_frame"):
        av.table3(cases.drop(columns="f1_vein_frame"))
    with pytest.raises(ValueError, match=r"none named method"):
        av.table3(cases, by="method")
