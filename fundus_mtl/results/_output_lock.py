"""One run at a time per output folder."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, suppress
from pathlib import Path

from fundus_mtl.processes import LOCK_FILE, WITHOUT_LOCKS, LockedError, locked
from fundus_mtl.results._output_errors import OutputError, refuse_output

_logger = logging.getLogger(__name__)


class OutputLock:
    """The lock of an output folder. The system releases it when the process ends, even if it is killed.

    The lock's file is removed at the end. A process that was killed leaves it behind, without a lock on it.

    Args:
        output_dir: Folder of the run.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._held = ExitStack()

    def acquire(self) -> None:
        """Take the lock and create the folder if needed; on a system without locks log a warning.

        Raises:
            OutputError: If another run has the lock, or nothing can be written to the folder.
        """
        if (self._output_dir / LOCK_FILE).is_symlink():  # the lock would be written to another folder
            raise OutputError(f"expected an output folder without links, but got {LOCK_FILE}; choose another.")
        try:
            while not self._locked():
                self._held.close()
        except LockedError as error:
            raise OutputError(
                "expected an output folder that no other run writes to, but got one in use "
                f"({self._output_dir.name!r}); wait until that run has ended, or choose another folder."
            ) from error
        except ModuleNotFoundError:  # Windows
            _warn()
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                refuse_output(error)
            _warn()

    def release(self) -> None:
        """Give the lock back; without effect if it is not held."""
        self._held.close()

    def _locked(self) -> bool:
        """Lock the file; return False if it is not the folder's any more, since another run has just removed it."""
        path = self._output_dir / LOCK_FILE
        held = os.fstat(self._held.enter_context(locked(self._output_dir)))
        try:
            ours = os.path.samestat(held, path.stat())
        except FileNotFoundError:
            return False
        if ours:
            self._held.callback(self._remove, path)
        return ours

    @staticmethod
    def _remove(path: Path) -> None:
        with suppress(OSError):  # a disk that cannot be written to any more
            path.unlink()


def _warn() -> None:
    _logger.warning("the output folder cannot be locked on this system: start one run at a time for each folder")
