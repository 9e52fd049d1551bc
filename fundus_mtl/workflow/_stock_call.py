"""What ``monai.bundle.run`` was told but does not pass on to the workflow."""

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

    MONAI 1.6.1 drops overrides that are None, strips the ``+`` of those that should extend an item, and keeps the path
    of the ``args_file`` to itself.

    Args:
        written: None values and ``+`` keys.
        folder: against which relative paths in the ``args_file`` are meant; None if there is no such file.
        by_run: whether the stock command ``run`` made the workflow, which ends the process after it.
    """

    written: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    by_run: bool = False

    def restore(self, override: Mapping[str, Any]) -> dict[str, Any]:
        """Return the overrides that reached the workflow, with what was lost on the way."""
        stripped = {key.removeprefix(MERGE) for key in self.written if key.startswith(MERGE)}
        return {key: value for key, value in override.items() if key not in stripped} | dict(self.written)


def stock_call(reserved: Collection[str]) -> StockCall:
    """Look up MONAI's ``create_workflow`` among the callers: it alone still knows.

    Args:
        reserved: the workflow's own parameters, whose None means "not given".

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
    """Tell whether the stock command ``run`` is among a frame's callers: Python code may call what it calls."""
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == ("monai.bundle.scripts", "run"):
            return True
        frame = frame.f_back
    return False
