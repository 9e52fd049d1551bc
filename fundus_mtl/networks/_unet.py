"""A U-Net with a decoder for every dense task, and classifiers that also read what was segmented.

Source: MT-COOL, section 3.1: a U-Net (Ronneberger et al., MICCAI 2015) with "four down-sampling modules as the shared
encoders", task-specific decoders, and for glaucoma "the output of segmentation and the features from the bottom layers".
The paper does not say how these two are joined, nor which layers normalise: see ``UNet``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import batch_norms, initialise
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.networks._unet_parts import DenseHead, chosen_inputs, image_head, owned_level
from fundus_mtl.tasks import Task

Norm = Literal["running", "batch", "instance"]


class UNet(TaskNetwork):
    """Answer several tasks from one encoder and its skips, each by a decoder and head of its own.

    A classifier sees the bottom features and, averaged over the pixels of each bottom cell, the probabilities that the
    segmentation tasks give; then a 3x3 convolution, the global average, dropout and a linear layer. Gradients flow from it
    into the segmentation decoders, unless ``detach_classifier_inputs``.

    Convolutions start Kaiming uniform with zero bias, linear layers as PyTorch's do, from its global generator. Their
    scale depends on the inputs of a layer alone: split or not, the weights are drawn from the same distribution.

    Args:
        tasks: the heads to build, in order.
        width: channels of the first level; each level below has twice as many (16: 256 at the bottom, as in the paper).
        depth: number of down-sampling modules.
        in_channels: of the photograph.
        dropout: before the linear layer of image-level heads. The paper names none; under MT-COOL, what dropout changes
            between the samples of noise counts as disagreement.
        norm: ``"running"`` (averages kept in training) or ``"batch"`` (the batch's own, at test too) batch norm, as in
            ``VGGUNet``; ``"instance"`` keeps no statistics, so that noisy forwards leave no trace.
        classifier_inputs: names of the dense tasks that image-level heads read; by default all of kind segmentation,
            ``[]`` for the bottom features only.
        detach_classifier_inputs: keep image-level losses out of the dense tasks' decoders.

    Raises:
        ValueError: if there is no task, two have one name, or an option is unknown.
    """

    encoder: nn.ModuleList

    def __init__(
        self,
        tasks: Sequence[Task],
        width: int = 16,
        depth: int = 4,
        in_channels: int = 3,
        dropout: float = 0.0,
        norm: Norm = "running",
        classifier_inputs: Sequence[str] | None = None,
        detach_classifier_inputs: bool = False,
    ) -> None:
        super().__init__(tasks)
        _check(depth, norm)
        self.stride = 2**depth
        self.classifier_inputs = chosen_inputs("UNet", tasks, classifier_inputs)
        self.detach_classifier_inputs = detach_classifier_inputs
        normalise = _instance_norm if norm == "instance" else batch_norms(norm)
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            owned_level(before, after, self.owners, normalise)
            for before, after in zip([in_channels, *widths[:-1]], widths, strict=True)
        )
        seen = widths[-1] + sum(task.channels for task in self.classifier_inputs)
        self.heads = nn.ModuleDict(
            {
                t.name: DenseHead(widths, t.channels, normalise)
                if t.dense
                else image_head(seen, widths[-1] // 2, t.channels, dropout, normalise)
                for t in tasks
            }
        )
        self.apply(initialise)

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the tasks asked for, computing no more than they need.

        Args:
            image: ``(B, in_channels, H, W)``, H and W multiples of ``2**depth``.
            tasks: names; all by default.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others.

        Raises:
            KeyError: if a name is not one of the network's tasks.
            ValueError: if the image's sides are no multiples of ``2**depth``.
        """
        wanted = self._wanted(tasks)
        self._check_size(*image.shape[-2:])
        features: list[Tensor] = []
        for level in self.encoder:
            features.append(level(F.max_pool2d(features[-1], 2) if features else image))
        classified = [task for task in wanted if not task.dense]
        needed = {task.name for task in (*wanted, *(self.classifier_inputs if classified else ()))}
        logits = {t.name: self.heads[t.name](features) for t in self.tasks if t.dense and t.name in needed}
        if classified:
            seen = self._seen(features[-1], logits)
            logits |= {task.name: self.heads[task.name](seen) for task in classified}
        return {task.name: logits[task.name] for task in wanted}

    def _seen(self, bottom: Tensor, logits: dict[str, Tensor]) -> Tensor:
        """Join the bottom features and what each of their cells holds of the segmented structures."""
        maps = [task.activate(logits[task.name]) for task in self.classifier_inputs]
        if self.detach_classifier_inputs:
            maps = [probabilities.detach() for probabilities in maps]
        return torch.cat([bottom, *(F.avg_pool2d(probabilities, self.stride) for probabilities in maps)], dim=1)

    def _check_size(self, height: int, width: int) -> None:
        if height % self.stride or width % self.stride:
            fitting = [-(-side // self.stride) * self.stride for side in (height, width)]
            raise ValueError(
                f"{type(self).__name__}: expected sides that are multiples of {self.stride} px, but got {height}x{width}; "
                f"pad or resize to {fitting[0]}x{fitting[1]}."
            )


def _instance_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


def _check(depth: int, norm: str) -> None:
    if depth < 1:
        raise ValueError(f"UNet: expected a depth of at least 1, but got {depth}.")
    if norm not in get_args(Norm):
        raise ValueError(f"UNet: expected norm among {get_args(Norm)}, but got {norm!r}.")
