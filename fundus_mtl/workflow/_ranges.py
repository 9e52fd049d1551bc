"""The ranges of the numbers in a configuration; a number outside of its range is refused before anything is built.

Other libraries accept many such numbers: MONAI takes a size of 0 for "do not resize", and PyTorch trains with a NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import MISSING, SEPARATOR, look_up, split


@dataclass(frozen=True)
class Range:
    """The numbers that an item may have.

    Args:
        low: Smallest number.
        high: Largest number.
        whole: Whether only whole numbers are allowed.
        above: Whether the number must be larger than ``low``.
        below: Whether the number must be smaller than ``high``.
        optional: Whether null is allowed.
    """

    low: float
    high: float
    whole: bool = False
    above: bool = False
    below: bool = False
    optional: bool = False

    def __contains__(self, value: Any) -> bool:
        """Return whether a value is one of these numbers."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high and not (
            (self.above and value == self.low) or (self.below and value == self.high)
        )

    def __str__(self) -> str:
        """Describe the range, as in ``a whole number from 1 to 64, or null``."""
        start = f"above {self.low:g}" if self.above else f"from {self.low:g}"
        end = f"below {self.high:.12g}" if self.below else f"{'up to' if self.above else 'to'} {self.high:.12g}"
        return f"a {'whole ' if self.whole else ''}number {start} {end}{', or null' if self.optional else ''}"


def _whole(low: int, high: int, optional: bool = False) -> Range:
    return Range(low, high, whole=True, optional=optional)


_PROCESSES, _BATCH, _FRACTION, _SIDE = _whole(0, 256), _whole(1, 100_000), Range(0, 1), 32_767
_RATE, _OPTIONAL_SECONDS = Range(0, 1000, above=True), Range(0, 1e6, above=True, optional=True)

ITEMS = {
    "accumulation_steps": _whole(1, 10_000),
    "averaging": Range(1e-6, 1, optional=True),
    "balance_interval": _whole(0, 10**9),
    "batch_size": _BATCH,
    "cache_rate": _FRACTION,
    "crop": _whole(8, _SIDE),
    "crossing": Range(0, 1, optional=True),
    "cup_size::prob": _FRACTION,
    "dataloader::batch_size": _BATCH,
    "dataloader::num_workers": _PROCESSES,
    "diameters": Range(1, 20, optional=True),
    "disc_size": Range(8, _SIDE, optional=True),
    "diameter": Range(8, _SIDE, optional=True),
    "encoder_lr": _RATE,
    "epoch_samples": _whole(1, 10**8),
    "eval_batch_size": _BATCH,
    "fold": _whole(0, 1000, optional=True),
    "heatmap_sigma": Range(0, 1, above=True),
    "heatmap_window": Range(0, 100, above=True, optional=True),
    "hidden": _whole(1, 100_000),
    "jitter": Range(0, _SIDE),
    "lr": _RATE,
    "margin": Range(1, 10),
    "max_epochs": _whole(1, 10**6),
    "max_minutes": _OPTIONAL_SECONDS,
    "mlflow_run::iteration_interval": _whole(0, 10**9),
    "mm_per_px": Range(0, 1, above=True, optional=True),
    "momentum": Range(0, 1, below=True),
    "negative": Range(0, 1e6),
    "network_def::depth": _whole(1, 8),
    "network_def::dropout": Range(0, 1, below=True),
    "network_def::in_channels": _whole(1, 64),
    "network_def::width": _whole(1, 4096),
    "network_split::depth": _whole(1, 8),
    "network_split::dropout": Range(0, 1, below=True),
    "network_split::in_channels": _whole(1, 64),
    "network_split::width": _whole(1, 4096),
    "num_workers": _PROCESSES,
    "overlap": Range(0, 1, below=True),
    "patch": _whole(8, _SIDE),
    "patches": _whole(1, 10_000),
    "photograph_timeout": _OPTIONAL_SECONDS,
    "positive": Range(0, 1e6),
    "quality_limit": Range(0, 1, above=True, optional=True),
    "rank": _whole(0, 10**6),
    "ratio_inverse_penalty": Range(0, 1e9, above=True),
    "read_ahead": _whole(0, 256, optional=True),
    "seed": _whole(0, 2**32 - 1),
    "size": _whole(8, 8192),
    "state_saver::n_saved": _whole(1, 10**6, optional=True),
    "state_saver::save_interval": _whole(1, 10**6),
    "threshold": _FRACTION,
    "tiled_inferer::sw_batch_size": _whole(1, 10_000),
    "tiled_inferer::whole_size": _whole(8, 8192),
    "train::dataset::num_workers": _whole(0, 256, optional=True),
    "val_interval": _whole(1, 10**6),
    "validation_batch_size": _BATCH,
    "validate::dataloader::batch_size": _BATCH,
    "validate::dataset::num_workers": _whole(0, 256, optional=True),
    "weight_decay": Range(0, 1000),
    "window": Range(1, 20, optional=True),
    "writers": _whole(0, 256, optional=True),
    "zoom": Range(0.01, 4),
}
"""Ranges by the id of an item; a bundle of your own that uses one of these ids has the same range."""

PARAMETERS = {("AsDiscreted", "threshold"): _FRACTION, ("*", "prob"): _FRACTION}
"""Ranges by a class, or any class (``*``), and its parameter."""


def check_ranges(config: dict[str, Any]) -> None:
    """Refuse numbers out of range, and NaN and infinity everywhere; expressions and references are not checked.

    Args:
        config: Merged configuration.

    Raises:
        RefusedError: For the first such number, with its range.
    """
    for item_id, known in ITEMS.items():
        if (value := look_up(config, split(item_id))) is not MISSING:
            _check(item_id, value, known)
    for item_id, value, known in _parameters(config, ()):
        _check(item_id, value, known)


def _check(item_id: str, value: Any, known: Range) -> None:
    if isinstance(value, str) and value.startswith(("$", "@", "%")):
        return
    if isinstance(value, int | float | str | bool | None) and value not in known:
        raise RefusedError(f"{item_id}: expected {known}, but got {'null' if value is None else repr(value)}.")


def _parameters(config: Any, parts: tuple[str, ...]) -> Iterator[tuple[str, Any, Range]]:
    """Yield the parameters that have a range, and numbers that are not finite, with the range of all that are."""
    if not isinstance(config, dict | list):
        return
    target = str(config.get("_target_", "")).rpartition(".")[2] if isinstance(config, dict) else ""
    for key, value in config.items() if isinstance(config, dict) else enumerate(config):
        item_id = SEPARATOR.join((*parts, str(key)))
        if known := PARAMETERS.get((target, str(key))) or PARAMETERS.get(("*", str(key))):
            yield item_id, value, known
        elif isinstance(value, float) and not math.isfinite(value):
            raise RefusedError(f"{item_id}: expected a finite number, but got {value}.")
        yield from _parameters(value, (*parts, str(key)))
