from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.transforms import ScaleIntensityRanged

from fundus_mtl.data import BalancedSampler, TensorSamples
from fundus_mtl.tasks import Task

TASKS = [Task(name, channels, "classification", None, "softmax") for name, channels in (("a", 3), ("b", 2), ("c", 4))]


def arrays():
    """Five images of 2x3 px; a: 0 - 2 - 1, b: - 1 - - 0, c: always 3 but for the last."""
    return {
        "id": np.array([f"image {row}" for row in range(5)]),
        "image": (np.arange(30, dtype=np.uint8) * 8).reshape(5, 2, 3),
        "a": np.array([0, 200, 2, 0, 1], dtype=np.uint8),
        "a_present": np.array([True, False, True, False, True]),
        "b": np.array([0, 1, 0, 0, 0], dtype=np.uint8),
        "b_present": np.array([False, True, False, False, True]),
        "c": np.full(5, 3, dtype=np.uint8),
        "c_present": np.array([True, True, True, True, False]),
    }


def test_a_batch_by_hand():
    samples = TensorSamples(arrays(), TASKS)
    batch = samples.__getitems__([4, 1])
    assert batch["id"] == ["image 4", "image 1"]
    assert batch["image"].shape == (2, 1, 2, 3)
    assert batch["image"][0, 0].tolist() == [[192, 200, 208], [216, 224, 232]]
    assert batch["a"].tolist() == [[0, 1, 0], [0, 0, 0]]  # the filler 200 is no label
    assert batch["b"].tolist() == [[1, 0], [0, 1]]
    assert batch["c"].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert batch["a_present"].tolist() == [True, False]
    assert batch["a"].dtype == torch.float32
    one = samples[4]
    assert one["id"] == "image 4"
    assert one["image"].shape == (1, 2, 3)
    assert one["a"].tolist() == [0, 1, 0]


def test_the_transform_is_applied_and_leaves_plain_tensors():
    scaled = TensorSamples(arrays(), TASKS, ScaleIntensityRanged("image", 0.0, 255.0, 0.0, 1.0))
    image = scaled.__getitems__([0, 4])["image"]
    assert type(image) is torch.Tensor
    torch.testing.assert_close(image[1, 0, 1, 2], torch.tensor(232 / 255))


def test_monais_loader_takes_whole_batches():
    samples = TensorSamples(arrays(), TASKS)
    loader = DataLoader(samples, batch_size=2, shuffle=True, collate_fn=samples.collate)
    batches = list(loader)
    assert [len(batch["id"]) for batch in batches] == [2, 2, 1]
    assert sorted(name for batch in batches for name in batch["id"]) == [f"image {row}" for row in range(5)]
    for batch in batches:
        for name, image in zip(batch["id"], batch["image"], strict=True):
            assert int(image[0, 0, 0]) == 48 * int(name[-1])


def test_items_are_a_datalists():
    items = TensorSamples(arrays(), TASKS).items()
    assert items[1] == {"id": "image 1", "b": 1, "c": 3}
    assert items[4] == {"id": "image 4", "a": 1, "b": 0}


def test_a_class_beyond_the_head_raises():
    narrow = [Task("a", 2, "classification", None)]
    with pytest.raises(ValueError, match="a: expected classes below 2, but got 2; give the task as many channels"):
        TensorSamples(arrays(), narrow)


def test_groups_are_the_sets_of_labelled_tasks():
    groups = TensorSamples(arrays(), TASKS).groups().tolist()
    assert groups[0] == groups[2]
    assert len({groups[0], groups[1], groups[3], groups[4]}) == 4


def test_balanced_batches():
    """Ten, seven and five samples: five of each, three groups in turn, so that batches of six hold two of each."""
    groups = torch.tensor([0] * 10 + [1] * 7 + [2] * 5)
    sampler = BalancedSampler(groups)
    seen = set()
    for seed in range(20):
        sampler.generator = torch.Generator().manual_seed(seed)
        order = list(sampler)
        assert len(order) == len(set(order)) == len(sampler) == 15
        for batch in (order[:6], order[6:12]):
            assert Counter(groups[batch].tolist()) == {0: 2, 1: 2, 2: 2}
        seen |= set(order)
    assert seen == set(range(22))  # what one epoch leaves out comes in another
    orders = []
    for seed in (1, 1, 2):
        sampler.generator = torch.Generator().manual_seed(seed)
        orders.append(list(sampler))
    assert orders[0] == orders[1] != orders[2]
    with pytest.raises(ValueError, match="expected at least one sample"):
        BalancedSampler(torch.tensor([]))
