"""Several trainings at a time, devices handed round, all stopped together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

from fundus_mtl.processes._commands import Children, StoppedError

Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Devices:
    """A device for each worker, lent and given back.

    Args:
        names: handed round; none: a worker gets None.
        workers: that share them, perhaps several to a device.
    """

    def __init__(self, names: Sequence[str], workers: int) -> None:
        self._free: SimpleQueue[str | None] = SimpleQueue()
        for i in range(workers):
            self._free.put(names[i % len(names)] if names else None)

    @contextmanager
    def lent(self) -> Iterator[str | None]:
        """Hold a device."""
        name = self._free.get()
        try:
            yield name
        finally:
            self._free.put(name)


class Crew:
    """Joblib's threads, which wait for child processes; at the end of ``with`` all children and jobs have ended.

    Args:
        workers: jobs at a time.
        children: that the jobs start.
    """

    def __init__(self, workers: int, children: Children) -> None:
        self.workers, self.children = workers, children
        self._changed = threading.Condition()
        self._at_work = 0
        self._stopped = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        try:
            self.children.stop()
        finally:
            with self._changed:  # Joblib itself waits for nobody when it is left early
                self._changed.wait_for(lambda: self._at_work == 0)

    def do(self, work: Callable[[Job], Answer], jobs: Sequence[Job], title: str) -> list[Answer]:
        """Do all jobs, with a progress bar; the first exception is raised at once.

        Args:
            work: does one job.
            jobs: in this order.
            title: of the bar.

        Returns:
            The answers, in the jobs' order.
        """
        from joblib import Parallel, delayed
        from tqdm import tqdm

        # Two threads even for one worker: alone, Joblib would work in the caller's, where Python raises Ctrl-C, and
        # between the start of a process and its entry in the list that would leave the process behind.
        parallel = Parallel(
            max(2, self.workers),
            backend="threading",
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="all",
        )
        answers = parallel(delayed(self._one)(work, place, job) for place, job in enumerate(jobs))
        found = dict(tqdm(answers, total=len(jobs), desc=title, disable=not jobs))
        return [found[place] for place in range(len(jobs))]

    def _one(self, work: Callable[[Job], Answer], place: int, job: Job) -> tuple[int, Answer]:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._at_work < self.workers)
            if self._stopped:
                raise StoppedError("stopped")
            self._at_work += 1
        try:
            return place, work(job)
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()
