"""Inference on a large photograph: dense tasks tile by tile, image-level tasks on the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import SlidingWindowInferer
from torch import Tensor


class TiledInferer(SlidingWindowInferer):
    """Run a multi-task network over overlapping tiles, and its image-level heads once over the reduced photograph.

    Tiles are blended where they overlap (MONAI's sliding window), and the answers of dense tasks are on the image's own
    grid. An image-level answer of a tile would be about that tile: such heads see the whole image, reduced to a square.
    The memory of the network is that of ``sw_batch_size`` tiles, whatever the size of the photograph; beside it stand the
    image and one float per pixel and dense channel, and one more.

    Args:
        dense: names of the dense tasks.
        whole_size: side of the square that image-level heads see, px; a multiple of the network's stride.
        **kwargs: of ``SlidingWindowInferer``: ``roi_size``, ``overlap``, ``mode``, ``sw_batch_size``, ...
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
        """Return the logits of the tasks asked for.

        Args:
            inputs: ``(B, C, H, W)``.
            network: ``forward(image, tasks=...) -> {task: logits}``.
            *args: handed on to the network.
            tasks: names; the dense ones by default.
            **kwargs: handed on to the network.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others, in the order asked for.
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
