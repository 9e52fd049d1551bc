"""How many threads to use where the user leaves it to the program."""

from __future__ import annotations

import os

MOST = 4
"""Threads at most for ``auto``: each holds a decoded photograph, and more of them would wait for Python's lock."""


def worker_threads(asked: int | str) -> int:
    """Return a number of threads.

    Args:
        asked: The number, or ``"auto"``: half of the processor cores that this process may use, from 1 to `MOST`.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> worker_threads(3)
        3
    """
    if asked == "auto":
        return max(1, min(MOST, _cores() // 2))
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise ValueError(f"read_ahead and writers: expected a number of threads or auto, but got {asked!r}.")
    return asked


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on all systems
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
