"""Metadata of an exported bundle: what its network reads and answers."""

from __future__ import annotations

import pytest
from torch import nn

from fundus_mtl.tasks import Task
from fundus_mtl.workflow._exported_metadata import Described, exported_metadata

LOSS = nn.BCEWithLogitsLoss()
IMAGE = {"num_channels": 3, "spatial_shape": [256, 256], "is_patch_data": False, "value_range": [0, 1]}
OUTPUTS = {
    "segmentation": {"channel_def": {"0": "disc, cup included", "1": "cup"}},
    "even": {"channel_def": {"0": "0", "1": "2"}},
}
METADATA = {"task": "Many tasks: a, b", "network_data_format": {"inputs": {"image": IMAGE}, "outputs": OUTPUTS}}


def made(*tasks, shape=(3, 96, 64), note="A note."):
    return exported_metadata(METADATA, Described(tasks, shape, "UNet", note))


def test_dense_and_image_level_tasks():
    found = made(Task("quality", 1, "regression", LOSS), Task("segmentation", 2, "segmentation", LOSS))
    pred = found["network_data_format"]["outputs"]
    assert list(pred) == ["pred"]
    assert pred["pred"]["channel_def"] == {"0": "background", "1": "disc, cup included", "2": "cup", "3": "quality"}
    assert (pred["pred"]["num_channels"], pred["pred"]["spatial_shape"], pred["pred"]["type"]) == (4, [96, 64], "image")
    assert pred["pred"]["value_range"] == [0, 1]
    assert found["network_data_format"]["inputs"]["image"]["spatial_shape"] == [96, 64]
    assert found["task"] == "Many tasks: quality, segmentation"
    assert found["description"].startswith("UNet with the tasks quality, segmentation. A note. Research use only.")
    assert found["pred_classes"].endswith("channel 2: cup; channel 3: quality")
    assert METADATA["network_data_format"]["outputs"] is OUTPUTS
    assert IMAGE["spatial_shape"] == [256, 256]


def test_classes_of_several_tasks_have_the_name_of_their_task():
    tasks = [Task(name, 2, "classification", LOSS, "softmax") for name in ("even", "odd")]
    pred = made(*tasks, note=None)["network_data_format"]["outputs"]["pred"]
    assert pred["channel_def"] == {"0": "even 0", "1": "even 2", "2": "odd 0", "3": "odd 1"}
    assert (pred["type"], pred["spatial_shape"]) == ("probabilities", [1])


@pytest.mark.parametrize("activation, expected", [("sigmoid", [0, 1]), ("none", [])])
def test_the_range_is_that_of_the_activations(activation, expected):
    pred = made(Task("a", 1, "segmentation", LOSS, activation))["network_data_format"]["outputs"]["pred"]
    assert pred["value_range"] == expected
