"""Dense tasks by tiles, image-level tasks on the whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fundus_mtl.engines import TiledInferer


class Pointwise(nn.Module):
    """A dense answer that depends on its own pixel only, and an image-level one; records its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[tuple[str, ...], tuple[int, ...]]] = []

    def forward(self, image, tasks=None):
        self.seen.append((tuple(tasks), tuple(image.shape)))
        answers = {"vessel": image[:, :1] * 2, "both": image[:, 1:] * 1, "grade": image.mean(dim=(2, 3))[:, :1]}
        return {name: answers[name] for name in tasks}


def inferer(**options):
    return TiledInferer(["vessel", "both"], whole_size=16, roi_size=(16, 16), overlap=0.25, mode="gaussian", **options)


@pytest.mark.parametrize("size", [(40, 61), (16, 16), (9, 50)], ids=str)  # larger than a tile, a tile, smaller than one
def test_tiles_are_put_together_without_a_seam(size):
    image, network = torch.rand(2, 3, *size), Pointwise()
    got = inferer()(image, network, tasks=["both", "vessel"])
    assert list(got) == ["both", "vessel"]
    torch.testing.assert_close(got["vessel"], image[:, :1] * 2)
    torch.testing.assert_close(got["both"], image[:, 1:])
    assert all(shape[-2:] == (16, 16) and shape[0] == 1 for _, shape in network.seen)  # memory is that of a tile


def test_image_level_tasks_see_the_whole_once():
    image, network = torch.rand(1, 3, 32, 64), Pointwise()
    got = inferer()(image, network, tasks=["grade", "vessel"])
    assert list(got) == ["grade", "vessel"]
    torch.testing.assert_close(got["grade"], image.mean(dim=(2, 3))[:, :1])
    assert [shape for tasks, shape in network.seen if tasks == ("grade",)] == [(1, 3, 16, 16)]
    assert {tasks for tasks, _ in network.seen} == {("vessel",), ("grade",)}


@pytest.mark.parametrize("tasks", [["grade"], ["vessel"], None], ids=str)
def test_only_requested_tasks_are_run(tasks):
    network = Pointwise()
    got = inferer()(torch.rand(1, 3, 20, 20), network, tasks=tasks)
    assert list(got) == (tasks or ["vessel", "both"])
    assert {name for names, _ in network.seen for name in names} == set(got)
