"""The rule that selects the epoch whose weights are kept."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine

from fundus_mtl.metrics import (
    SELECTION_RULES,
    EpochNumber,
    MeanTaskMetric,
    NegativeLossSum,
    selection_metric,
    validation_metrics,
)
from fundus_mtl.tasks import Task

LESION = Task("lesion", 1, "segmentation", None)
POINT = Task("point", 1, "heatmap", None)
GRADE = Task("grade", 1, "classification", None)
DIGIT = Task("digit", 3, "classification", None, "softmax")
AGE = Task("age", 1, "regression", None, "none")
BOX = Task("box", 4, "regression", None, "none")


def score(batches, tasks):
    engine = Engine(lambda _, batch: batch)
    MeanTaskMetric(tasks).attach(engine, "score")
    return engine.run(batches).metrics["score"]


def sample(present=(), **values):
    """Pairs of prediction and label by task; all tasks are labelled unless ``present`` names those that are."""
    found = {}
    for name, (pred, true) in values.items():
        found[f"pred_{name}"], found[name] = (torch.tensor(value, dtype=torch.float32) for value in (pred, true))
        found[f"{name}_present"] = torch.tensor(not present or name in present)
    return found


FIRST = sample(
    lesion=([[[0.9, 0.9, 0.1]]], [[[1, 0, 0]]]),  # Dice 2/3
    point=([[[0.0, 1.0, 0.0]]], [[[0.0, 0.25, 1.0]]]),  # a quarter of the highest label
    grade=([0.2], [0]),
    age=([30.0], [40.0]),
)
SECOND = sample(
    lesion=([[[0.9, 0.1, 0.1]]], [[[1, 0, 0]]]),  # Dice 1
    point=([[[0.0, 0.0, 1.0]]], [[[0.0, 0.25, 1.0]]]),
    grade=([0.7], [1]),
    age=([50.0], [20.0]),  # the wrong order: rank correlation -1
)


def test_by_hand():
    tasks = [LESION, POINT, GRADE, AGE]
    assert score([[FIRST], [SECOND]], tasks) == pytest.approx((5 / 6 + 5 / 8 + 1 - 1) / 4)
    assert score([[FIRST, SECOND]], tasks) == pytest.approx((5 / 6 + 5 / 8 + 1 - 1) / 4)
    assert score([[FIRST], [SECOND]], [LESION]) == pytest.approx(5 / 6)


def test_it_is_the_mean_of_what_is_logged():
    tasks = [LESION, POINT, GRADE, AGE]
    engine = Engine(lambda _, batch: batch)
    for name, metric in {"score": MeanTaskMetric(tasks), **validation_metrics(tasks)}.items():
        metric.attach(engine, name)
    found = engine.run([[FIRST], [SECOND]]).metrics
    logged = [found[f"val/{name}"] for name in ("dice_lesion", "peak_point", "auc_grade", "rank_age")]
    assert found["score"] == pytest.approx(sum(logged) / 4)


def test_the_size_of_a_loss_or_a_unit_has_no_influence():
    """A better task counts the same whatever its unit: rank and AUC read the order only."""
    scaled = [dict(part) for part in (FIRST, SECOND)]
    for part in scaled:
        for key in ("pred_age", "age", "pred_grade"):
            part[key] = part[key] * 1000
    assert score([[part] for part in scaled], [GRADE, AGE]) == score([[FIRST], [SECOND]], [GRADE, AGE])


def test_a_batch_that_is_not_decollated():
    """Samples of small networks stay in their batch."""
    batch = {
        "pred_digit": torch.tensor([[0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6]]),
        "digit": torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 1.0]]),
        "digit_present": torch.tensor([True, True, True]),
    }
    assert score([batch], [DIGIT]) == pytest.approx(2 / 3)


def test_tasks_that_cannot_be_measured_are_left_out():
    unlabelled = [[sample(("lesion",), lesion=([[[0.9]]], [[[1]]]), grade=([0.3], [0]), box=([1.0] * 4, [1.0] * 4))]]
    assert score(unlabelled, [LESION, GRADE, BOX]) == 1.0
    one_class = [[FIRST], [FIRST]]
    assert score(one_class, [LESION, GRADE]) == pytest.approx(2 / 3)
    assert math.isnan(score(one_class, [GRADE]))
    assert math.isnan(score(unlabelled, [BOX]))


def test_a_broken_task_does_not_improve_the_mean():
    """Left out, the tasks that are not broken would make a better mean than before."""
    for broken in (math.nan, math.inf):
        bad = FIRST | {"pred_age": torch.tensor([broken])}
        assert math.isnan(score([[bad], [SECOND]], [LESION, AGE]))
        assert score([[bad], [SECOND]], [LESION]) == pytest.approx(5 / 6)
    constant = [[FIRST | {"pred_age": torch.tensor([1.0])}], [SECOND | {"pred_age": torch.tensor([1.0])}]]
    assert score(constant, [LESION, AGE]) == pytest.approx((5 / 6 + 0) / 2)


def test_an_epoch_after_a_broken_one_counts_again():
    metric = MeanTaskMetric([LESION])
    engine = Engine(lambda _, batch: batch)
    metric.attach(engine, "score")
    assert math.isnan(engine.run([[FIRST | {"pred_lesion": torch.tensor([[[math.nan] * 3]])}]]).metrics["score"])
    assert engine.run([[FIRST]]).metrics["score"] == pytest.approx(2 / 3)


def test_rules_by_name():
    assert {name: type(selection_metric(name, [LESION])) for name in SELECTION_RULES} == {
        "losses": NegativeLossSum,
        "metrics": MeanTaskMetric,
        "last": EpochNumber,
    }
    with pytest.raises(ValueError, match="selection_rule: expected one of losses, metrics, last, but got best"):
        selection_metric("best", [LESION])


def test_the_number_of_the_epoch_grows_with_every_validation():
    """MONAI runs an evaluator once per validation, with the trainer's epoch."""
    engine = Engine(lambda _, batch: batch)
    selection_metric("last", [LESION]).attach(engine, "score")
    seen = []
    engine.add_event_handler("EPOCH_COMPLETED", lambda e: seen.append(e.state.metrics["score"]))
    engine.run([[FIRST]], max_epochs=3)
    assert seen == [1.0, 2.0, 3.0]
