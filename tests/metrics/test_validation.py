from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine

from fundus_mtl.metrics import NegativeLossSum, TaskLoss, validation_metrics
from fundus_mtl.tasks import Task

TASKS = [
    Task("lesion", 2, "segmentation", None),
    Task("point", 1, "heatmap", None),
    Task("grade", 1, "classification", None),
    Task("age", 1, "regression", None, "none"),
]


def measured(batches, metrics):
    """Run an engine that outputs each batch in turn."""
    engine = Engine(lambda _, batch: batch)
    for name, metric in metrics.items():
        metric.attach(engine, name)
    return engine.run(batches).metrics


def sample(pred, true, point=(0, 0), present=True, grade=(0.5, 0), age=(0.0, 0.0)):
    heatmaps = torch.zeros(2, 1, 4, 6)
    heatmaps[0, 0, 1, 1] = heatmaps[(1, 0, *point)] = 1.0
    return {
        "pred_lesion": torch.tensor(pred), "lesion": torch.tensor(true), "lesion_present": torch.tensor(present),
        "pred_point": heatmaps[0], "point": heatmaps[1], "point_present": torch.tensor(True),
        "pred_grade": torch.tensor([grade[0]]), "grade": torch.tensor([float(grade[1])]),
        "grade_present": torch.tensor(True),
        "pred_age": torch.tensor([age[0]]), "age": torch.tensor([age[1]]), "age_present": torch.tensor(present),
    }  # fmt: skip


def test_by_hand():
    """First sample: Dice 2/3 and 1 of the two channels, peaks 4 px apart. The second has no lesion label."""
    first = sample(
        [[[0.9, 0.9, 0.1]], [[0.0, 0.0, 1.0]]],
        [[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]],
        (1, 5),
        grade=(0.2, 0),
        age=(0.3, 0.5),
    )
    second = sample([[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]], (1, 1), present=False, grade=(0.7, 1))
    third = first | {"pred_age": torch.tensor([0.9]), "age": torch.tensor([0.8]), "lesion_present": torch.tensor(False)}
    third["point_present"] = third["grade_present"] = torch.tensor(False)
    found = measured([[first], [second], [third]], validation_metrics(TASKS, "val/"))
    assert found["val/dice_lesion"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["val/distance_point"] == pytest.approx((4 + 0) / 2)
    assert found["val/peak_point"] == pytest.approx((0 + 1) / 2)  # the label is 1 at one pixel, 0 elsewhere
    assert found["val/auc_grade"] == 1.0
    assert math.isnan(found["val/loss_age"])
    assert "val/auc_age" not in found
    assert found["val/mae_age"] == pytest.approx((0.2 + 0.1) / 2)
    assert found["val/rank_age"] == pytest.approx(1.0)


def test_nothing_labelled_is_nan():
    lonely = sample([[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]], (1, 1), present=False)
    found = measured([[lonely]], validation_metrics(TASKS))
    assert math.isnan(found["val/mae_age"])
    assert math.isnan(found["val/rank_age"])
    assert math.isnan(found["val/dice_lesion"])
    assert math.isnan(found["val/auc_grade"])


def test_label_at_the_predicted_peak():
    """One label row 0, 2, 4, 1: the predicted peak at the second pixel has 2 of 4, at the third 4 of 4."""
    batches = [
        [{"pred_p": torch.eye(4)[i].view(1, 1, 4), "p": torch.tensor([[[0.0, 2.0, 4.0, 1.0]]]), "p_present": True}]
        for i in (1, 2)
    ]
    found = measured(batches, validation_metrics([Task("p", 1, "heatmap", None)]))
    assert found["val/peak_p"] == pytest.approx((0.5 + 1) / 2)


def test_equal_predictions_have_no_order():
    batches = [[sample([[[1.0]]], [[[1.0]]], age=(0.4, true))] for true in (0.1, 0.9)]
    assert measured(batches, validation_metrics(TASKS))["val/rank_age"] == 0.0
    assert math.isnan(measured(batches[:1], validation_metrics(TASKS))["val/rank_age"])


def test_losses_are_weighted_by_labelled_samples():
    """Losses 1 of one sample and 4 of two: (1 + 8) / 3; the other task's only loss counts as it is."""
    batches = [{"loss_a": 1.0, "labelled_a": 1}, [{"loss_a": 4.0, "labelled_a": 2, "loss_b": 5.0, "labelled_b": 1}] * 3]
    tasks = [Task(name, 1, "regression", None) for name in "abc"]
    found = measured(batches, {"a": TaskLoss("a"), "c": TaskLoss("c"), "score": NegativeLossSum(tasks)})
    assert found["a"] == pytest.approx(3.0)
    assert math.isnan(found["c"])
    assert found["score"] == pytest.approx(-8.0)
    assert math.isnan(measured([{}], {"score": NegativeLossSum(tasks)})["score"])


def test_a_diverged_task_is_no_good_model():
    batch = {"loss_a": 1.0, "labelled_a": 1, "loss_b": math.nan, "labelled_b": 1}
    tasks = [Task(name, 1, "regression", None) for name in "ab"]
    assert math.isnan(measured([batch], {"score": NegativeLossSum(tasks)})["score"])
