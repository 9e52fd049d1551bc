"""Labels of a batch are classes, or the batch is refused."""

from __future__ import annotations

import pytest
import torch

from fundus_mtl.engines import PrepareMultiTaskBatch
from fundus_mtl.tasks import Task

PREPARE = PrepareMultiTaskBatch(
    [
        Task("ill", 1, "classification", torch.nn.BCEWithLogitsLoss()),
        Task("grade", 3, "classification", torch.nn.CrossEntropyLoss()),
        Task("score", 1, "regression", torch.nn.MSELoss()),
    ]
)


def batch(ill=(0.0, 1.0), grade=(0, 2), score=(-3.0, 40.0)):
    known = {f"{name}_present": torch.ones(2, dtype=torch.bool) for name in ("ill", "grade", "score")}
    labels = {"ill": torch.tensor(ill)[:, None], "grade": torch.tensor(grade), "score": torch.tensor(score)[:, None]}
    return {"image": torch.zeros(2, 3, 4, 5), **labels, **known}


def test_classes_and_numbers_pass():
    _, targets = PREPARE(batch())
    assert targets.labels["ill"].flatten().tolist() == [0, 1]
    assert targets.labels["score"].flatten().tolist() == [-3, 40]
    PREPARE(batch(ill=(0.1, 0.9)))  # smoothed


@pytest.mark.parametrize(
    "labels, message",
    [
        ({"ill": (1.0, 2.0)}, "ill: expected labels from 0 to 1, but got 2; number classes from 0"),
        ({"ill": (-1.0, 1.0)}, "ill: expected labels from 0 to 1, but got -1"),
        ({"grade": (0, 3)}, "grade: expected labels from 0 to 2, but got 3"),
    ],
)
def test_other_labels_are_refused(labels, message):
    """The losses would take 2 or -1 of a binary task without complaint."""
    with pytest.raises(ValueError, match=message):
        PREPARE(batch(**labels))


@pytest.mark.parametrize("shape, channels_last", [((2, 3, 4, 5), True), ((2, 4), False)])
def test_pictures_reach_the_network_as_plain_channels_last_tensors(shape, channels_last):
    """The same numbers in the memory format of the networks; vectors stay as they are."""
    from monai.data import MetaTensor

    given = batch() | {"image": MetaTensor(torch.rand(shape))}
    image, _ = PREPARE(given)
    assert type(image) is torch.Tensor
    assert torch.equal(image, given["image"].as_tensor())
    assert image.is_contiguous(memory_format=torch.channels_last) if channels_last else image.is_contiguous()
