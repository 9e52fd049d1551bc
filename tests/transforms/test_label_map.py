"""Masks as one map of numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fundus_mtl.tasks import Task
from fundus_mtl.transforms import LabelMapd

LOSS = nn.BCEWithLogitsLoss()
TASKS = [
    Task("kinds", 2, "segmentation", LOSS),
    Task("score", 1, "classification", LOSS),
    Task("vessel", 1, "segmentation", LOSS),
]
# background, kinds 0 and 1, vessel, score; one row of four pixels
MASKS = torch.tensor(
    [[[1, 0, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 1, 0]], [[0, 1, 1, 1]], [[1, 1, 1, 1]]], dtype=torch.uint8
)


@pytest.mark.parametrize(
    "order, expected",
    [(None, [0, 3, 3, 3]), (["vessel", "kinds"], [0, 1, 2, 3]), (["kinds", "none"], [0, 1, 2, 0]), ([], [0, 0, 0, 0])],
)
def test_later_tasks_lie_over_earlier_ones(order, expected):
    found = LabelMapd("pred", TASKS, order)({"pred": MASKS, "image": "kept"})
    assert found["pred"].dtype == torch.uint8
    assert found["pred"].tolist() == [[expected]]
    assert found["image"] == "kept"


def test_what_does_not_fit_is_refused():
    with pytest.raises(
        ValueError, match=r"pred: expected masks of 4 channels or more, \(C, H, W\), but got \(2, 1, 4\)"
    ):
        LabelMapd("pred", TASKS)({"pred": MASKS[:2]})
    with pytest.raises(ValueError, match="expected at most 255 channels, but got 256"):
        LabelMapd("pred", [Task("many", 256, "segmentation", LOSS)])
