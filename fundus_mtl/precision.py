"""Number format of a network's forward pass: float32, or mixed precision with bfloat16 or float16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

AUTO = "auto"
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """The precision that an item ``amp`` means on a device.

    The choice depends on the hardware only, never on a measurement, so that the same machine always computes the same
    bits.

    Args:
        name: ``float32``, ``bfloat16`` or ``float16``.
    """

    name: str

    @classmethod
    def of(cls, amp: str | bool, device: str | torch.device) -> Precision:
        """Return the precision that a setting means.

        Args:
            amp: ``float32``, ``bfloat16``, ``float16`` or ``auto``: bfloat16 where the hardware computes it (processors
                with AVX512-BF16 or AMX, GPUs of compute capability 8.0 and above), float16 on older GPUs, float32 on other
                devices. False is float32. True is mixed precision on every device: float16 on GPUs below 8.0, bfloat16
                elsewhere.
            device: Device of the network.

        Raises:
            ValueError: if the setting is something else.
        """
        if isinstance(amp, bool):
            return cls(_reduced(torch.device(device)) if amp else "float32")
        if amp == AUTO:
            known = torch.device(device)
            return cls(_reduced(known) if known.type == "cuda" or _computes_bfloat16(known) else "float32")
        if amp not in _DTYPES:
            raise ValueError(f"amp: expected {AUTO}, {', '.join(_DTYPES)}, True or False, but got {amp!r}.")
        return cls(amp)

    @property
    def mixed(self) -> bool:
        """Whether autocast is used."""
        return self.name != "float32"

    @property
    def needs_scaler(self) -> bool:
        """Whether small gradients would underflow without a gradient scaler: float16 ends at 6e-8, bfloat16 at 1e-40."""
        return self.name == "float16"

    @property
    def autocast(self) -> dict[str, Any]:
        """Arguments of ``torch.autocast`` besides the type of the device and ``enabled``."""
        return {"dtype": _DTYPES[self.name]} if self.mixed else {}


def _reduced(device: torch.device) -> str:
    """Return the format of mixed precision; float16 on GPUs before Ampere, which compute no bfloat16."""
    old = device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0)
    return "float16" if old else "bfloat16"


def _computes_bfloat16(device: torch.device) -> bool:
    """Return whether the processor has instructions for bfloat16; without them it is slower than float32."""
    queries = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # False if a version of torch has no such query
    return device.type == "cpu" and any(getattr(torch.cpu, query, bool)() for query in queries)
