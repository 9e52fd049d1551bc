"""A few threads that measure and write pictures while the network goes on, with little waiting for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Writer:
    """Run jobs in threads; at most two for each thread wait, so that memory stays bounded. Errors surface in the caller.

    Args:
        threads: 0 runs every job in the caller's thread.

    Raises:
        ValueError: if ``threads`` is negative.
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
            BaseException: of a job before.
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
            BaseException: of the first job that failed; the others are done nevertheless.
        """
        pool, self._pool = self._pool, None
        jobs, self._running = list(self._running), deque()
        if pool is not None:
            pool.shutdown(wait=True)
        for job in jobs:
            job.result()
