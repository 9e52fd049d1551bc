"""A training's data loader: MONAI's own, with at least one batch."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import SubsetRandomSampler

from fundus_mtl.data import TrainingLoader

SAMPLES = [{"image": torch.full((1, 2, 3), float(index))} for index in range(7)]


@pytest.mark.parametrize("batch_size, batches", [(1, 7), (3, 2), (7, 1)])
def test_batches_are_those_of_monai(batch_size, batches):
    loader = TrainingLoader(SAMPLES, batch_size=batch_size, drop_last=True)
    assert [batch["image"].shape for batch in loader] == [(batch_size, 1, 2, 3)] * batches


def test_fewer_samples_than_a_batch_are_refused():
    with pytest.raises(
        ValueError, match="^batch_size: expected at least one batch of 8, but got 7 training samples; use a"
    ):
        TrainingLoader(SAMPLES, batch_size=8, drop_last=True)
    assert len(TrainingLoader(SAMPLES, batch_size=8)) == 1


def test_a_sampler_decides_how_many_there_are():
    with pytest.raises(ValueError, match="one batch of 3, but got 2 training samples"):
        TrainingLoader(SAMPLES, batch_size=3, drop_last=True, sampler=SubsetRandomSampler([0, 4]))
