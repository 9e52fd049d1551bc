"""Arguments of ``monai.bundle.run`` that it does not pass on to the workflow."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from fundus_mtl.workflow._merge import MERGE


@dataclass(frozen=True)
class StockCall:
    """The overrides as they were written, and the folder of the ``args_file``.

    MONAI 1.6.1 drops overrides that are None, strips the ``+`` of those that should extend an item, and does not pass on
    the path of the ``args_file``.

    Args:
        written: Overrides that are None or have a ``+``.
        folder: Folder to which relative paths in the ``args_file`` refer; None if there is no such file.
        by_run: Whether the stock command ``run`` made the workflow; it ends the process afterwards.
    """

    written: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    by_run: bool = False

    def restore(self, override: Mapping[str, Any]) -> dict[str, Any]:
        """Return the overrides that reached the workflow, together with those that MONAI dropped."""
        stripped = {key.removeprefix(MERGE) for key in self.written if key.startswith(MERGE)}
        return {key: value for key, value in override.items() if key not in stripped} | dict(self.written)


def stock_call(reserved: Collection[str]) -> StockCall:
    """Look up MONAI's ``create_workflow`` among the callers, the only place that still has these arguments.

    Args:
        reserved: Parameters of the workflow itself, where None means "not given".

    Returns:
        An empty record if the workflow was made directly.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == ("monai.bundle.scripts", "create_workflow"):
            given: Mapping[str, Any] = frame.f_locals.get("kwargs", {})
            written = {
                key: value
                for key, value in given.items()
                if key not in reserved and (value is None or key.startswith(MERGE))
            }
            args_file = frame.f_locals.get("args_file")
            return StockCall(written, Path(args_file).parent if isinstance(args_file, str) else None, _by_run(frame))
        frame = frame.f_back
    return StockCall()


def _by_run(frame: FrameType | None) -> bool:
    """Return whether the stock command ``run`` is among a frame's callers, and not Python code that calls what it calls."""
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == ("monai.bundle.scripts", "run"):
            return True
        frame = frame.f_back
    return False
