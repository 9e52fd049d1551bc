"""Where a training was left."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import torch

_logger = logging.getLogger(__name__)


def latest_checkpoint(folder: str | Path, resume_from: str | None = "latest") -> str | None:
    """Return the state to resume from: a given file, or the newest whole one in a folder.

    A stop in the middle of a write leaves a broken file; the one before it is taken then, with a warning.

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
    for path in sorted(Path(folder).glob("*.pt"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        if _is_whole(path):
            return str(path)
        _logger.warning("%s is broken, most likely by a stop while it was written: an older state is taken.", path.name)
    raise FileNotFoundError(f"resume_from: expected a state in {folder}, but got none; start without resume_from.")


def _is_whole(path: Path) -> bool:
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
        return False
    return True
