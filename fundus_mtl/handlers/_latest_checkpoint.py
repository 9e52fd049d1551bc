"""Where a training was left."""

from __future__ import annotations

import re
from pathlib import Path


def latest_checkpoint(folder: str | Path, resume_from: str | None = "latest") -> str | None:
    """Return the state to resume from: a given file, or the one of the last epoch in a folder.

    Args:
        folder: with the ``..._epoch=N.pt`` files of MONAI's ``CheckpointSaver``.
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
    found = {
        int(match[1]): path
        for path in Path(folder).glob("*.pt")
        if (match := re.search(r"epoch=(\d+)\.pt$", path.name))
    }
    if not found:
        raise FileNotFoundError(
            f"resume_from: expected state_epoch=N.pt in {folder}, but got none; start without resume_from."
        )
    return str(found[max(found)])
