"""How many threads to use where the user leaves it to the program."""

from __future__ import annotations

import os

MOST = 4
"""Threads at most where no number is given. Each holds a decoded photograph, and more would wait for Python's lock."""


def worker_threads(asked: int | None, share: float = 0.5) -> int:
    """Return a number of threads.

    Args:
        asked: The number; None for a share of the processor cores that this process may use, from 1 to `MOST`.
        share: Threads per core.

    Example:
        >>> worker_threads(3)
        3
    """
    return max(1, min(MOST, int(_cores() * share))) if asked is None else asked


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on all systems
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
