"""A network with its weights, and the way from a photograph to it and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fundus_mtl.engines._predict import predict
from fundus_mtl.networks import load_weights
from fundus_mtl.precision import Precision
from fundus_mtl.tasks import Task

Sample = Mapping[Any, Any]


class Stage:
    """Preprocess one photograph, run a network once for all tasks, and postprocess its predictions.

    Args:
        network: Network with the multi-task interface.
        weights: File of a ``state_dict``; None if the network has its weights already.
        tasks: Tasks to predict.
        preprocessing: Transform from ``{"id", "image": path or array}`` to a sample whose ``image`` is the network's input
            ``(C, H, W)``.
        inferer: MONAI inferer.
        postprocessing: Transform from that sample with ``pred_<task>`` to a sample on the pixel grid of the photograph.
        device: Device of the network.
        amp: Precision of the network: a setting of `fundus_mtl.precision.Precision.of`.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: str | Path | None,
        tasks: Sequence[Task],
        preprocessing: Callable[[dict[str, Any]], Sample],
        inferer: Callable[..., dict[str, torch.Tensor]],
        postprocessing: Callable[[dict[str, Any]], Sample],
        device: str | torch.device = "cpu",
        amp: str | bool = False,
    ) -> None:
        self.tasks, self.inferer, self.device = tuple(tasks), inferer, torch.device(device)
        self.precision = Precision.of(amp, self.device)
        self.preprocessing, self.postprocessing = preprocessing, postprocessing
        if weights is not None:
            load_weights(network, weights)
        self.network = network.to(self.device).eval()

    def answer(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the postprocessed sample of one item, ``{"id", "image": path or array}``."""
        sample = dict(self.preprocessing(item))
        plain = torch.as_tensor(sample["image"]).as_subclass(torch.Tensor)  # a MetaTensor slows every layer down
        image = plain.unsqueeze(0).to(self.device)
        predictions = predict(self.network, image, self.tasks, self.inferer, self.precision)
        return dict(self.postprocessing(sample | {key: value[0].cpu() for key, value in predictions.items()}))
