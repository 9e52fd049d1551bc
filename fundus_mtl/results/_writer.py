"""Threads that measure and write pictures while the network runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Writer:
    """Run jobs in threads. At most two jobs per thread wait, so that memory stays bounded. Errors are raised in the caller.

    Args:
        threads: Number of threads; with 0 every job runs in the caller's thread.

    Raises:
        ValueError: If ``threads`` is negative.
    """

    def __init__(self, threads: int) -> None:
        if threads < 0:
            raise ValueError(f"writers: expected 0 or more threads, but got {threads}.")
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._running: deque[Future[None]] = deque()

    def submit(self, job: Callable[..., None], *given: Any) -> None:
        """Start a job, or wait until there is room for it.

        Raises:
            BaseException: The error of an earlier job.
        """
        if self.threads == 0:
            job(*given)
            return
        while self._running and (self._running[0].done() or len(self._running) >= 2 * self.threads):
            self._running.popleft().result()
        self._pool = self._pool or ThreadPoolExecutor(self.threads, "writer")
        self._running.append(self._pool.submit(job, *given))

    def drain(self) -> None:
        """Wait for all jobs and end the threads.

        Raises:
            BaseException: The error of the first job that failed; the other jobs are completed.
        """
        pool, self._pool = self._pool, None
        jobs, self._running = list(self._running), deque()
        if pool is not None:
            pool.shutdown(wait=True)
        for job in jobs:
            job.result()
