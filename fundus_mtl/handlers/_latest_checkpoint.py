"""Where a training was left."""

from __future__ import annotations

import logging
import pickle
import re
from pathlib import Path

import torch

_logger = logging.getLogger(__name__)
# What torch.load answers to files cut short or with wrong bytes in them, found by trying.
_BROKEN = (OSError, EOFError, RuntimeError, pickle.UnpicklingError, LookupError, ValueError, TypeError, AttributeError)
_KEPT = 2  # states that a training's ``CheckpointSaver`` keeps


def latest_checkpoint(folder: str | Path, resume_from: str | None = "latest") -> str | None:
    """Return the state to resume from: a given file, or the newest whole one in a folder.

    A stop in the middle of a write leaves a broken file; it is passed over, with a warning, for the one before it. The
    newest is the one of the highest epoch, by its name, for clocks do not always survive a copy. Only where there are more
    than the two that a training keeps, left by the one that was resumed or by another one into the same folder, perhaps of
    higher epochs, the one written last is taken.

    Args:
        folder: with the states of MONAI's ``CheckpointSaver``, which keeps two.
        resume_from: a file, or ``latest``, or None for a fresh start, which is answered by None.

    Raises:
        FileNotFoundError: if there is none.
    """
    if resume_from is None:
        return None
    if resume_from != "latest":
        if not Path(resume_from).is_file():
            raise FileNotFoundError(
                f"resume_from: expected a state file or latest, but got {resume_from}; there is no such file."
            )
        return resume_from
    for path in _newest_first(list(Path(folder).glob("*.pt"))):
        if _is_whole(path):
            return str(path)
        _logger.warning("%s is broken, most likely by a stop while it was written: it is passed over.", path.name)
    raise FileNotFoundError(f"resume_from: expected a state in {folder}, but got none; start without resume_from.")


def _newest_first(paths: list[Path]) -> list[Path]:
    def age(path: Path) -> tuple[int, int]:
        epoch, written = _epoch(path), path.stat().st_mtime_ns
        return (epoch, written) if len(paths) <= _KEPT else (written, epoch)

    return sorted(paths, key=age, reverse=True)


def _epoch(path: Path) -> int:
    """Return 10 for ``state_epoch=10.pt``; -1 for a name without an epoch."""
    found = re.search(r"epoch=(\d+)", path.stem)
    return int(found[1]) if found else -1


def _is_whole(path: Path) -> bool:
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN:
        return False
    return True
