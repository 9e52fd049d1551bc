"""The device that a user names, checked before anything is built on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from fundus_mtl.workflow._error import RefusedError

DEVICE = "device"


def with_device(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with a device that this machine has; a name of one becomes a ``torch.device``.

    Configs read the device's type, which a text has not.

    Args:
        config: Merged config. An expression, or no item ``device``, is left as it is.

    Raises:
        RefusedError: If the name is none of PyTorch, or there is no such device.
    """
    name = config.get(DEVICE)
    if not isinstance(name, str | torch.device) or str(name).startswith(("$", "@", "%")):
        return dict(config)
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RefusedError(
            f"device: expected one that PyTorch can use here, but got {str(name)!r} and {torch.cuda.device_count()} GPUs; "
            "write device=cpu, or leave it out for a GPU where there is one."
        ) from error
    return {**config, DEVICE: f"$torch.device({str(device)!r})"}
