"""A U-Net with a decoder for every dense task, and classifiers that also use the predicted segmentations.

Source: MT-COOL, section 3.1: a U-Net (Ronneberger et al., MICCAI 2015) with "four down-sampling modules as the shared
encoders", task-specific decoders, and for glaucoma "the output of segmentation and the features from the bottom
layers". The paper does not specify how these two are joined, nor the normalisation layers; see ``UNet`` for the choices
here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import batch_norms, initialise
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.networks._unet_parts import DenseHead, chosen_inputs, image_head, owned_convolutions
from fundus_mtl.tasks import Task

Norm = Literal["running", "batch", "instance"]


class UNet(TaskNetwork):
    """A U-Net with one encoder for all tasks, and a decoder and head per task.

    The input of a classifier is the bottom features and the predicted probabilities of the segmentation tasks, averaged
    over the pixels of each bottom cell. A 3x3 convolution, global average pooling, dropout and a linear layer follow.
    Gradients flow from the classifier into the segmentation decoders, unless ``detach_classifier_inputs`` is set.

    Convolutions are initialised Kaiming uniform with zero bias, linear layers with PyTorch's default, from the global
    generator. The scale depends only on the inputs of a layer, so the weights of a split network have the same
    distribution.

    Args:
        tasks: Tasks, one head each, in order.
        width: Number of channels of the first level, doubled at each level (16 gives 256 at the bottom, as in the
            paper).
        depth: Number of down-sampling modules.
        in_channels: Number of channels of the photograph.
        dropout: Dropout probability before the linear layer of image-level heads. The paper mentions no dropout. In
            MT-COOL, differences between noise draws that come from dropout count as divergence.
        norm: ``"running"`` for batch norm with running statistics, ``"batch"`` for batch statistics at test time too
            (see ``VGGUNet``), or ``"instance"``, which keeps no statistics, so that noise cannot change them.
        classifier_inputs: Names of the dense tasks whose predictions image-level heads use; default: all tasks of kind
            segmentation; ``[]`` for the bottom features only.
        detach_classifier_inputs: Whether to stop the gradients of image-level losses before the dense decoders.

    Raises:
        ValueError: if ``tasks`` is empty, two tasks have the same name, or an option is unknown.
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
        self.widths = self._level_widths(width, depth)
        self.classifier_inputs = chosen_inputs("UNet", tasks, classifier_inputs)
        self.detach_classifier_inputs = detach_classifier_inputs
        self.norm = norm
        normalise = norm_layers(norm)
        self.encoder = self._encoder([in_channels, *self.widths], normalise)
        self.heads = nn.ModuleDict({task.name: self._head(task, dropout, normalise) for task in tasks})
        self.apply(initialise)

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the requested tasks; compute only the parts of the network that they need.

        Args:
            image: Images ``(B, in_channels, H, W)``; H and W are multiples of ``2**depth``.
            tasks: Names of the tasks; default: all.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others.

        Raises:
            KeyError: if the network has no task of a given name.
            ValueError: if the sides of the image are not multiples of ``2**depth``.
        """
        wanted = self._wanted(tasks)
        self._check_size(*image.shape[-2:])
        classified = [task for task in wanted if not task.dense]
        needed = {task.name for task in (*wanted, *(self.classifier_inputs if classified else ()))}
        features = self._features(image, [task.name for task in self.tasks if task.name in needed])
        logits = {t.name: self._dense(t, features[t.name]) for t in self.tasks if t.dense and t.name in needed}
        for task in classified:
            logits[task.name] = self.heads[task.name](self._seen(features[task.name][-1], logits))
        return {task.name: logits[task.name] for task in wanted}

    def _level_widths(self, width: int, depth: int) -> list[int]:
        """Return the number of channels of every level."""
        return [width * 2**level for level in range(depth + 1)]

    def _encoder(self, channels: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.ModuleList:
        """Build the encoder's levels for the channels of the image and of every level."""
        return nn.ModuleList(
            owned_convolutions([before, after, after], self.owners, norm) for before, after in pairwise(channels)
        )

    def _head(self, task: Task, dropout: float, norm: Callable[[int], nn.Module]) -> nn.Module:
        """Build the decoder and head of a dense task, or a classifier."""
        if task.dense:
            return DenseHead(self.widths, task.channels, norm)
        seen = self.widths[-1] + sum(each.channels for each in self.classifier_inputs)
        return image_head(seen, self.widths[-1] // 2, task.channels, dropout, norm)

    def _features(self, image: Tensor, names: Sequence[str]) -> dict[str, list[Tensor]]:
        """Return the features of all levels for each of some tasks, ``(B, widths[0], H, W)`` first."""
        features: list[Tensor] = []
        for level in self.encoder:
            features.append(level(F.max_pool2d(features[-1], 2) if features else image))
        return dict.fromkeys(names, features)

    def _dense(self, task: Task, features: Sequence[Tensor]) -> Tensor:
        """Return the logits of a dense task at the size of the image."""
        return self.heads[task.name](features)

    def _seen(self, bottom: Tensor, logits: dict[str, Tensor]) -> Tensor:
        """Concatenate the bottom features and the mean predicted probabilities in each bottom cell."""
        maps = self._structures(logits)
        return torch.cat([bottom, *(F.avg_pool2d(probabilities, self.stride) for probabilities in maps)], dim=1)

    def _structures(self, logits: dict[str, Tensor]) -> list[Tensor]:
        """Return the predicted probabilities that classifiers use."""
        maps = [task.activate(logits[task.name]) for task in self.classifier_inputs]
        return [probabilities.detach() for probabilities in maps] if self.detach_classifier_inputs else maps

    def _check_size(self, height: int, width: int) -> None:
        if height % self.stride or width % self.stride:
            fitting = [-(-side // self.stride) * self.stride for side in (height, width)]
            raise ValueError(
                f"{type(self).__name__}: expected sides that are multiples of {self.stride} px, but got {height}x{width}; "
                f"pad or resize to {fitting[0]}x{fitting[1]}."
            )


def norm_layers(norm: Norm) -> Callable[[int], nn.Module]:
    """Return a function that builds a normalisation layer for a number of channels; see ``UNet``."""
    return _instance_norm if norm == "instance" else batch_norms(norm)


def _instance_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


def _check(depth: int, norm: str) -> None:
    if depth < 1:
        raise ValueError(f"UNet: expected a depth of at least 1, but got {depth}.")
    if norm not in get_args(Norm):
        raise ValueError(f"UNet: expected norm among {get_args(Norm)}, but got {norm!r}.")
