"""Evaluator for validation and inference: predictions of all tasks, and their losses if labels are available."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from torch import Tensor

from fundus_mtl.engines._predict import activated
from fundus_mtl.precision import Precision
from fundus_mtl.tasks import Task


class MultiTaskEvaluator(SupervisedEvaluator):
    """Predict every task of a batch.

    ``state.output`` contains the batch itself (file names, labels and the transforms to invert) and ``pred_<task>``,
    the activated prediction in float32. With a loss function it also contains ``loss_<task>``, the mean loss, and
    ``labelled_<task>``, the number of samples in that mean.

    Args:
        *args: Arguments of MONAI's ``SupervisedEvaluator``.
        tasks: Tasks to predict.
        loss_function: Loss function of the trainer; labels must then have the shape of the predictions. Optional.
        amp: Precision of the network: a setting of `fundus_mtl.precision.Precision.of`.
        **kwargs: Arguments of MONAI's ``SupervisedEvaluator``.
    """

    def __init__(
        self,
        *args: Any,
        tasks: Sequence[Task],
        loss_function: Callable[..., dict[str, Tensor]] | None = None,
        amp: str | bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        precision = Precision.of(amp, self.state.device)
        self.amp = precision.mixed
        self.amp_kwargs: dict[str, Any] = {**precision.autocast, **(kwargs.get("amp_kwargs") or {})}
        self.tasks = tuple(tasks)
        self.loss_function = loss_function

    def _iteration(self, engine: SupervisedEvaluator, batchdata: Mapping[str, Any] | None) -> dict[str, Any]:
        if batchdata is None:
            raise ValueError("Evaluator: expected a batch, but got None; check the data loader.")
        image, targets = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        logits = self._forward(image)
        self.state.output = {**batchdata, **activated(logits, self.tasks)}
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        if self.loss_function is not None:
            for name, loss in self.loss_function(logits, *targets).items():
                self.state.output[f"loss_{name}"] = loss
                self.state.output[f"labelled_{name}"] = int(targets.presence[name].sum())
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return the logits of every task in float32."""
        with self.mode(self.network), torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits = self.inferer(image, self.network, tasks=[task.name for task in self.tasks])
        return {name: value.float() for name, value in logits.items()}
