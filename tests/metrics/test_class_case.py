from __future__ import annotations

import math

import pandas as pd
import pytest
import torch
from ignite.engine import Engine
from torch import tensor

from fundus_mtl.metrics import ClassCase, TaskAccuracy, correct, summarise_classes, validation_metrics
from fundus_mtl.tasks import Task

TASKS = [Task(name, 3, "classification", None, "softmax") for name in "abc"]


def batch():
    """Task a: right, wrong, unlabelled (and wrong). Task b: unlabelled, right, right. Task c: never labelled."""
    scores = tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    made = {"id": ["x", "y", "z"]}
    for task, labels, present in ("a", [1, 2, 0], [1, 1, 0]), ("b", [0, 0, 2], [0, 1, 1]), ("c", [0, 0, 0], [0, 0, 0]):
        made |= {f"pred_{task}": scores, task: torch.eye(3)[labels], f"{task}_present": tensor(present).bool()}
    return made


def taken_apart(found):
    return [{key: value[row] for key, value in found.items()} for row in range(3)]


def test_correct_by_hand():
    scores, labels = tensor([[1.0, 2.0], [3.0, 3.0]]), tensor([[0.0, 1.0], [0.0, 1.0]])
    assert correct(scores, labels).tolist() == [True, False]  # of equal scores the first counts
    with pytest.raises(ValueError, match=r"labels: expected shape \(2, 2\), one-hot, but got \(2,\)"):
        correct(scores, tensor([1, 1]))


@pytest.mark.parametrize("form", [lambda found: found, taken_apart], ids=["batch", "samples"])
def test_accuracy_over_batches(form):
    """Over two batches task a has 2 of 4, b 4 of 4, c nothing."""
    engine = Engine(lambda _, given: given)
    for task in "abc":
        TaskAccuracy(task).attach(engine, task)
    found = engine.run([form(batch())] * 2).metrics
    assert (found["a"], found["b"]) == (0.5, 1.0)
    assert math.isnan(found["c"])
    assert engine.run([form(batch())]).metrics["a"] == 0.5  # another epoch starts from nothing


def test_classifications_with_classes_are_watched_by_accuracy():
    tasks = [*TASKS[:1], Task("one", 1, "classification", None)]
    assert set(validation_metrics(tasks)) == {"val/loss_a", "val/acc_a", "val/loss_one", "val/auc_one"}


def test_a_row_by_hand():
    rows = [ClassCase(TASKS[:2])(sample) for sample in taken_apart(batch())]
    assert rows[1]["id"] == "y"
    assert (rows[1]["a_true"], rows[1]["a_pred"], rows[1]["a_correct"]) == (2, 0, 0.0)
    assert rows[1]["a_prob"] == pytest.approx(0.5)
    assert rows[1]["b_correct"] == 1.0
    assert math.isnan(rows[2]["a_true"])
    assert math.isnan(rows[2]["a_correct"])
    assert rows[2]["a_pred"] == 2


def test_the_summary_counts_labelled_images_in_percent():
    rows = pd.DataFrame([ClassCase(TASKS)(sample) for sample in taken_apart(batch()) * 8])
    table = summarise_classes(rows, TASKS).set_index("metric")
    assert table.index.tolist() == ["acc_a_percent", "acc_b_percent", "acc_c_percent"]
    a, b, c = (table.loc[name] for name in table.index)
    assert (a["value"], a["n"], a["unit"]) == (50.0, 16, "%")
    assert 20 < a["low"] < 50 < a["high"] < 80
    assert (b["value"], b["low"], b["high"]) == (100.0, 100.0, 100.0)
    assert math.isnan(c["value"])
    assert c["note"] == "no case has a value"
