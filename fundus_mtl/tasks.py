"""The vocabulary: what a network learns to answer about a photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

Kind = Literal["segmentation", "heatmap", "classification", "regression"]
Activation = Literal["sigmoid", "softmax", "none"]


@dataclass(frozen=True)
class Task:
    """One thing to learn.

    Args:
        name: the label's key in a batch, the head's key in the network's output, the suffix of the logged loss.
        channels: of the head's output; one per structure, or one per class.
        kind: decides what is generic: whether the head is dense (``segmentation``, ``heatmap``) or one vector per image.
        loss: maps logits ``(N, channels, ...)`` and labels of the same shape to the mean loss ``()`` of the N samples.
        activation: turns logits into predictions; ``sigmoid`` for independent channels, ``softmax`` over channels.

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
        """Whether the head answers for every pixel."""
        return self.kind in ("segmentation", "heatmap")

    def activate(self, logits: Tensor) -> Tensor:
        """Turn logits ``(B, channels, ...)`` into predictions of the same shape."""
        if self.activation == "sigmoid":
            return logits.sigmoid()
        return logits.softmax(dim=1) if self.activation == "softmax" else logits
