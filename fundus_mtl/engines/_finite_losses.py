"""Check that losses are finite without waiting for the backward pass of a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class FiniteLosses:
    """Losses whose finiteness is read later.

    Reading a number of a GPU waits for all work that was queued before it. The flags are copied right after the forward
    pass and read after the backward pass is queued, so that the GPU always has work.

    Args:
        losses: ``{task: loss ()}`` on one device.
    """

    def __init__(self, losses: Mapping[str, Tensor]) -> None:
        self._names = list(losses)
        flags = torch.stack([loss.detach() for loss in losses.values()]).isfinite()
        self._copied: torch.cuda.Event | None = None
        if flags.is_cuda:
            self._flags = torch.empty(flags.shape, dtype=torch.bool, pin_memory=True).copy_(flags, non_blocking=True)
            self._copied = torch.cuda.Event()
            self._copied.record()
        else:
            self._flags = flags

    def broken(self) -> list[str]:
        """Return the names of the losses that are not finite."""
        if self._copied is not None:
            self._copied.synchronize()
        return [name for name, finite in zip(self._names, self._flags.tolist(), strict=True) if not finite]
