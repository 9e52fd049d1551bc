"""A second stage replaces the answers that it improves, and removes those that it does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.inferers import SimpleInferer

from fundus_mtl.engines import NextStage
from fundus_mtl.tasks import Task


class Double(torch.nn.Module):
    """Return twice the mean of the image as the logit of each task."""

    def forward(self, image: torch.Tensor, tasks: Any = None) -> dict[str, torch.Tensor]:
        assert type(image) is torch.Tensor  # a MetaTensor would slow every layer down
        return {name: 2 * image.mean(dim=(1, 2, 3), keepdim=False)[:, None] for name in tasks}


def stage(answers: dict[str, str], needs: str | None = None) -> NextStage:
    task = Task("score", 1, "regression", torch.nn.functional.mse_loss, "none")

    def prepare(item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "image": torch.from_numpy(np.moveaxis(item["image"], -1, 0)).float()}

    return NextStage(Double(), None, [task], prepare, SimpleInferer(), dict, answers=answers, needs=needs)


def sample() -> dict[str, Any]:
    return {
        "id": "eye",
        "photograph": np.full((4, 6, 3), 3, np.uint8),
        "pred_old": 1,
        "pred_cup": 2,
        "pred_disc": torch.zeros(1),
    }


def test_answers_are_replaced_and_those_that_are_missing_are_removed() -> None:
    found = stage({"pred_old": "pred_score", "pred_cup": "pred_nothing"})(sample())
    assert found["pred_old"].item() == 6
    assert "pred_cup" not in found
    assert found["id"] == "eye"


def test_a_stage_that_needs_a_mask_leaves_the_sample_without_one() -> None:
    given = sample()
    assert stage({"pred_old": "pred_score"}, needs="pred_disc")(given) == given
