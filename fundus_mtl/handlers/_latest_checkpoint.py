"""Find the checkpoint to resume a training from."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from fundus_mtl.files import TorchFileError, read_torch_file

_logger = logging.getLogger(__name__)
_KEPT = 2  # number of checkpoints that a training keeps


def latest_checkpoint(folder: str | Path, resume_from: str | None = "latest") -> str | None:
    """Return the checkpoint to resume from: a given file, or the newest complete one in a folder.

    A crash during a write leaves a broken file, which is skipped with a warning. The newest checkpoint is the one with the
    highest epoch in its name, because a copy may change the time of a file. If there are more than the two checkpoints
    that a training keeps, some of them are left from another training into the same folder, perhaps with higher epochs;
    then the file that was written last is returned.

    Args:
        folder: folder of the checkpoints of MONAI's ``CheckpointSaver``, which keeps two.
        resume_from: path of a file, ``latest``, or None for a new training, which returns None.

    Raises:
        FileNotFoundError: if there is no such file.
        TorchFileError: if the given file cannot be read.
    """
    if resume_from is None:
        return None
    if resume_from != "latest":
        if not Path(resume_from).is_file():
            raise FileNotFoundError(
                f"resume_from: expected a checkpoint or latest, but got {resume_from}, which does not exist."
            )
        read_torch_file(resume_from)  # CheckpointLoader repeats PyTorch's advice to run the code in a file
        return resume_from
    for path in _newest_first(list(Path(folder).glob("*.pt"))):
        if _is_whole(path):
            return str(path)
        _logger.warning("%s is broken, probably by a crash while it was written: it is skipped.", path.name)
    raise FileNotFoundError(f"resume_from: expected a checkpoint in {folder}, but got none; start without resume_from.")


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
        read_torch_file(path)
    except (OSError, TorchFileError):
        return False
    return True
