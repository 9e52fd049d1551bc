from __future__ import annotations

import math

import pytest
import torch
from monai.losses import FocalLoss
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.losses import HeatmapBCELoss, HeatmapL1Loss, MultiTaskLoss
from fundus_mtl.tasks import Task

TASKS = [Task(name, 1, "regression", torch.nn.functional.mse_loss, "none") for name in "abc"]
ALL = {name: torch.tensor([True, True, True]) for name in "abc"}


def values(*numbers):
    return tensor(numbers, dtype=torch.float32)[:, None]


def test_the_mean_is_over_labelled_samples():
    """Worked by hand: samples 0 and 2 have errors 1 and 3, so (1 + 9) / 2."""
    presence = ALL | {"a": tensor([True, False, True])}
    logits = {name: values(0, 0, 0) for name in "abc"}
    labels = {"a": values(1, math.nan, 3), "b": values(1, 1, 1), "c": values(2, 2, 2)}
    losses = MultiTaskLoss(TASKS)(logits, labels, presence)
    assert {name: float(loss) for name, loss in losses.items()} == {"a": 5, "b": 1, "c": 4}


def test_a_task_without_label_or_prediction_is_absent():
    logits = {"a": values(0, 0, 0), "b": values(0, 0, 0)}
    labels = {name: values(1, 1, 1) for name in "abc"}
    losses = MultiTaskLoss(TASKS)(logits, labels, ALL | {"b": tensor([False] * 3)})
    assert list(losses) == ["a"]


def test_the_gradient_of_an_unlabelled_sample_is_zero():
    logits = values(1, 2, 3).requires_grad_()
    labels = {"a": values(0, math.nan, 0)}
    MultiTaskLoss(TASKS)({"a": logits}, labels, ALL | {"a": tensor([True, False, True])})["a"].backward()
    assert_close(logits.grad, values(1, 0, 3))


def test_half_precision_is_summed_in_single():
    seen = []
    task = Task("a", 1, "regression", lambda z, y: seen.append((z.dtype, y.dtype)) or (z - y).square().sum(), "none")
    logits = torch.full((1, 1, 300, 300), 40.0, dtype=torch.float16)
    loss = MultiTaskLoss([task])({"a": logits}, {"a": torch.zeros_like(logits)}, {"a": tensor([True])})["a"]
    assert seen == [(torch.float32, torch.float32)]
    assert loss == 1600 * 300 * 300  # 65504 is the largest half-precision number


def test_heatmap_by_hand():
    """Sigmoid(0) = 1/2: errors 1/2 and 1/2; the peak counts 1 + 3 times."""
    logits, heatmap = torch.zeros(1, 1, 1, 2), tensor([[[[0.0, 1.0]]]])
    assert_close(HeatmapL1Loss()(logits, heatmap), tensor(0.5))
    assert_close(HeatmapL1Loss(3.0)(logits, heatmap), tensor((0.5 + 4 * 0.5) / 2))


def test_heatmap_cross_entropy_by_hand():
    """At logit 0 each pixel costs log 2; the peak's counts 1 + 3 times."""
    logits, heatmap = torch.zeros(1, 1, 1, 2), tensor([[[[0.0, 1.0]]]])
    assert_close(HeatmapBCELoss()(logits, heatmap), tensor(math.log(2)))
    assert_close(HeatmapBCELoss(3.0)(logits, heatmap), tensor((1 + 4) / 2 * math.log(2)))


@pytest.mark.parametrize("weight", [0.0, 30.0])
def test_heatmap_cross_entropy_is_least_at_the_heatmap(weight):
    heatmap = torch.linspace(0.05, 0.95, 7, dtype=torch.float64).reshape(1, 1, 1, 7)
    logits = heatmap.logit().requires_grad_()
    HeatmapBCELoss(weight)(logits, heatmap).backward()
    assert_close(logits.grad, torch.zeros_like(heatmap))


def test_monais_focal_loss_is_the_cards():
    """(1 - p_t)^2 BCE with p_t = exp(-BCE), as MTL-IO's code has it."""
    logits, labels = torch.linspace(-3, 3, 8)[:, None], tensor([0.0, 1.0] * 4)[:, None]
    bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    assert_close(FocalLoss(gamma=2.0)(logits, labels), ((1 - torch.exp(-bce)) ** 2 * bce).mean())


@pytest.mark.parametrize("field, value", [("kind", "segment"), ("activation", "relu"), ("channels", 0)])
def test_a_wrong_task_raises(field, value):
    options = {"name": "a", "channels": 1, "kind": "segmentation", "loss": None, "activation": "sigmoid"}
    with pytest.raises(ValueError, match=f"{field} of task a: expected"):
        Task(**(options | {field: value}))


def test_activations():
    logits = tensor([[0.0, math.log(3.0)]])
    task = lambda activation: Task("a", 2, "classification", None, activation)  # noqa: E731
    assert_close(task("sigmoid").activate(logits), tensor([[0.5, 0.75]]))
    assert_close(task("softmax").activate(logits), tensor([[0.25, 0.75]]))
    assert_close(task("none").activate(logits), logits)
