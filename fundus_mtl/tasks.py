"""Task: the description of one thing that a network predicts for a photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

Kind = Literal["segmentation", "heatmap", "classification", "regression"]
Activation = Literal["sigmoid", "softmax", "none"]


@dataclass(frozen=True)
class Task:
    """One prediction task of a network.

    Args:
        name: Key of the label in a batch and of the head in the network's output, and suffix of the logged loss.
        channels: Number of output channels of the head: one per structure, or one per class.
        kind: Kind of task. It decides whether the head is dense (``segmentation``, ``heatmap``) or gives one vector per
            image.
        loss: Function of logits ``(N, channels, ...)`` and labels of the same shape that returns the mean loss ``()``
            of the N samples.
        activation: Turns logits into predictions: ``sigmoid`` for independent channels, ``softmax`` over channels.

    Raises:
        ValueError: if the kind or the activation is unknown, or ``channels`` is not positive.
    """

    name: str
    channels: int
    kind: Kind
    loss: Callable[[Tensor, Tensor], Tensor]
    activation: Activation = "sigmoid"

    def __post_init__(self) -> None:
        for field, known in (("kind", Kind), ("activation", Activation)):
            if getattr(self, field) not in get_args(known):
                raise ValueError(
                    f"{field} of task {self.name}: expected one of {get_args(known)}, but got {getattr(self, field)!r}."
                )
        if self.channels < 1:
            raise ValueError(f"channels of task {self.name}: expected at least 1, but got {self.channels}.")

    @property
    def dense(self) -> bool:
        """Whether the head predicts a value for every pixel."""
        return self.kind in ("segmentation", "heatmap")

    def activate(self, logits: Tensor) -> Tensor:
        """Turn logits ``(B, channels, ...)`` into predictions of the same shape."""
        if self.activation == "sigmoid":
            return logits.sigmoid()
        return logits.softmax(dim=1) if self.activation == "softmax" else logits
