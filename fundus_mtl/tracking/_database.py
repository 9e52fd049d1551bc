"""A SQLite file of MLflow: its folder, and one process at a time that creates its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

_SQLITE = "sqlite:///"


def database_file(tracking_uri: str) -> Path | None:
    """Return the path of the SQLite file; None for an address of another kind."""
    return Path(unquote(tracking_uri[len(_SQLITE) :])) if tracking_uri.startswith(_SQLITE) else None


@contextmanager
def opening_database(tracking_uri: str) -> Iterator[None]:
    """Create the folder of a SQLite file, and wait while another process opens the file.

    MLflow creates the tables of a new file when it opens it. Of several processes that do so together, all but the first
    fail with ``duplicate column name``. The lock is a file beside the database; the kernel releases it when a process ends,
    so a crash leaves no lock behind. Addresses of other kinds need no lock.

    Args:
        tracking_uri: Address of the tracking store.
    """
    database = database_file(tracking_uri)
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f"{database.name}.lock").open("a") as lock:
        with suppress(ImportError, OSError):  # Windows, and file systems without locks: open it without one
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
