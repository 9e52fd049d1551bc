"""Inference on large photographs: dense tasks tile by tile, image-level tasks on the whole image."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import SlidingWindowInferer
from torch import Tensor


class TiledInferer(SlidingWindowInferer):
    """Run a multi-task network over overlapping tiles, and its image-level heads once over the downsampled image.

    Tiles are blended where they overlap (MONAI's sliding window); dense tasks are predicted on the pixel grid of the
    image. Image-level heads need the whole image, which is downsampled to a square. The network uses the memory of
    ``sw_batch_size`` tiles, whatever the size of the photograph. In addition, memory holds the image, one float per
    pixel and dense channel, and one more float per pixel.

    Args:
        dense: Names of the dense tasks.
        whole_size: Side of the downsampled square for image-level heads, px; a multiple of the network's stride.
        **kwargs: Arguments of ``SlidingWindowInferer``: ``roi_size``, ``overlap``, ``mode``, ``sw_batch_size``, ...
    """

    def __init__(self, dense: Sequence[str], whole_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense, self.whole_size = tuple(dense), whole_size

    def __call__(
        self,
        inputs: Tensor,
        network: Callable[..., dict[str, Tensor]],
        *args: Any,
        tasks: Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """Return the logits of the requested tasks.

        Args:
            inputs: Images ``(B, C, H, W)``.
            network: Network with ``forward(image, tasks=...) -> {task: logits}``.
            *args: Additional arguments of the network.
            tasks: Names of the tasks; default: the dense tasks.
            **kwargs: Additional arguments of the network.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others, in the order of
            ``tasks``.
        """
        wanted = list(self.dense if tasks is None else tasks)
        tiled, whole = ([name for name in wanted if (name in self.dense) == dense] for dense in (True, False))
        found: dict[str, Tensor] = {}
        if tiled:
            found |= super().__call__(inputs, network, *args, tasks=tiled, **kwargs)
        if whole:
            size = (self.whole_size, self.whole_size)
            small = F.interpolate(torch.as_tensor(inputs), size, mode="area")
            found |= network(small, *args, tasks=whole, **kwargs)
        return {name: found[name] for name in wanted}
