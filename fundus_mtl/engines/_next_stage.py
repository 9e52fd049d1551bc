"""A second network that looks at a photograph again, once the first one's answers say where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.utils import ImageMetaKey
from torch import nn

from fundus_mtl.engines._predict import predict
from fundus_mtl.tasks import Task

Sample = Mapping[Any, Any]
PHOTOGRAPH = "photograph"
"""Key of the pixels of a photograph that is in memory."""


class NextStage:
    """Read a photograph anew, prepare it with what is known of it, run a network, and add its answers to the sample.

    It stands among the postprocessing of an earlier network: *coarse to fine*. All of its tasks take one pass.

    Args:
        network: with the multi-task interface; its weights are loaded from ``weights``.
        weights: file of a ``state_dict``; None if somebody else loads them into the network.
        tasks: to predict.
        preprocessing: maps ``{"id", "image": path}`` and the earlier answers to a sample whose ``image`` is the network's
            input ``(C, H, W)``.
        inferer: of MONAI.
        postprocessing: maps that sample with ``pred_<task>`` to one with the answers on the photograph's own grid.
        answers: key of the result by key of the sample, whose value it replaces or becomes.
        needs: key of an earlier mask without which there is nothing to look at; the sample is then left as it is.
        device: of the network.
        amp: whether to use mixed precision.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: str | Path | None,
        tasks: Sequence[Task],
        preprocessing: Callable[[dict[str, Any]], Sample],
        inferer: Callable[..., dict[str, torch.Tensor]],
        postprocessing: Callable[[Sample], Sample],
        answers: Mapping[str, str],
        needs: str | None = None,
        device: str | torch.device = "cpu",
        amp: bool = False,
    ) -> None:
        self.tasks, self.inferer, self.answers, self.needs = tuple(tasks), inferer, dict(answers), needs
        self.preprocessing, self.postprocessing = preprocessing, postprocessing
        self.device, self.amp = torch.device(device), amp
        if weights is not None:
            network.load_state_dict(torch.load(weights, map_location=self.device, weights_only=True))
        self.network = network.to(self.device).eval()

    def __call__(self, sample: Sample) -> dict[Any, Any]:
        """Return the sample with this stage's answers.

        Args:
            sample: postprocessed: ``image`` names its file, or ``photograph`` holds the pixels, RGB uint8 ``(H, W, 3)``;
                masks are ``(1, H, W)`` on the photograph's grid.
        """
        source = sample[PHOTOGRAPH] if PHOTOGRAPH in sample else sample["image"].meta[ImageMetaKey.FILENAME_OR_OBJ]
        item = {"id": sample.get("id"), "image": source}
        if self.needs is not None:
            if not sample[self.needs].any():
                return dict(sample)
            item[self.needs] = sample[self.needs]
        prepared = dict(self.preprocessing(item))
        image = prepared["image"].unsqueeze(0).to(self.device)
        answers = predict(self.network, image, self.tasks, self.inferer, self.amp)
        prepared |= {key: value[0].cpu() for key, value in answers.items()}
        done = self.postprocessing(prepared)
        return {**sample, **{key: done[source] for key, source in self.answers.items()}}
