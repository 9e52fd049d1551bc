"""Second stage (coarse to fine): run another network on the region that an earlier network found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.utils import ImageMetaKey
from torch import nn

from fundus_mtl.engines._predict import predict
from fundus_mtl.networks import load_weights
from fundus_mtl.tasks import Task

Sample = Mapping[Any, Any]
PHOTOGRAPH = "photograph"
"""Key of the pixels of a photograph that is in memory."""


class NextStage:
    """Load a photograph again, preprocess it with earlier predictions, run a network, and add its predictions.

    Use it in the postprocessing of an earlier network (*coarse to fine*). One forward pass predicts all of its tasks.

    Args:
        network: Network with the multi-task interface; its weights are loaded from ``weights``.
        weights: File of a ``state_dict``; None if the weights are loaded elsewhere.
        tasks: Tasks to predict.
        preprocessing: Transform from ``{"id", "image": path}`` and the mask ``needs`` to a sample whose ``image`` is
            the network's input ``(C, H, W)``.
        inferer: MONAI inferer.
        postprocessing: Transform from that sample with ``pred_<task>`` to a sample on the pixel grid of the photograph.
        answers: ``{key in the returned sample: key in the result of postprocessing}``; existing values are replaced.
        needs: Key of an earlier mask. If the mask is empty, the stage is skipped and the sample does not change.
            Optional.
        device: Device of the network.
        amp: Whether to use mixed precision.
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
            load_weights(network, weights)
        self.network = network.to(self.device).eval()

    def __call__(self, sample: Sample) -> dict[Any, Any]:
        """Return the sample with the predictions of this stage.

        Args:
            sample: Postprocessed sample: the metadata of ``image`` contains the file name, or ``photograph`` holds the
                pixels, RGB uint8 ``(H, W, 3)``; masks are ``(1, H, W)`` on the pixel grid of the photograph.
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
