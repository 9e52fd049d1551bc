"""Run several jobs in parallel threads, assign devices to them, and stop them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Barrier
from typing import TypeVar

from fundus_mtl.processes._child_processes import ChildProcesses

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Devices:
    """A queue of devices, one entry per worker.

    Args:
        names: device names, assigned to the workers in turn; if empty, every worker gets None.
        workers: number of workers; several of them may share a device.
    """

    def __init__(self, names: Sequence[str], workers: int) -> None:
        self._free: SimpleQueue[str | None] = SimpleQueue()
        for i in range(workers):
            self._free.put(names[i % len(names)] if names else None)

    @contextmanager
    def borrowed(self) -> Iterator[str | None]:
        """Take a device, and put it back at the end of the ``with`` block."""
        name = self._free.get()
        try:
            yield name
        finally:
            self._free.put(name)


class WorkerPool:
    """Threads that run jobs, mostly by waiting for child processes.

    At the end of the ``with`` block, all child processes have been stopped and all threads have ended.

    Args:
        workers: number of jobs that run at the same time.
        children: child processes that the jobs start.
    """

    def __init__(self, workers: int, children: ChildProcesses) -> None:
        self.workers, self.children = workers, children
        self._threads = ThreadPoolExecutor(workers)

    def __enter__(self) -> WorkerPool:
        # Start all threads before signals may raise: a start that is interrupted leaves a thread that is never joined.
        all_started = Barrier(self.workers + 1)
        for _ in range(self.workers):
            self._threads.submit(all_started.wait)
        all_started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        try:
            self.children.stop()
        finally:
            self._threads.shutdown(wait=True)

    def run(self, work: Callable[[Job], Answer], jobs: Sequence[Job], title: str) -> list[Answer]:
        """Run all jobs and show a progress bar; the first exception of a job is raised immediately.

        Args:
            work: function that runs one job.
            jobs: jobs in the order in which they are started.
            title: text at the left of the progress bar.

        Returns:
            The results in the order of the jobs.
        """
        from tqdm import tqdm

        futures = [self._threads.submit(work, job) for job in jobs]
        for done in tqdm(as_completed(futures), total=len(futures), desc=title, disable=not futures):
            done.result()
        return [future.result() for future in futures]
