"""Several trainings at a time, devices handed round, all stopped by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from fundus_mtl.comparison._children import Children

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


def run_all(
    work: Callable[[Job], Answer], jobs: Sequence[Job], workers: int, children: Children, title: str
) -> list[Answer]:
    """Do all jobs, ``workers`` at a time, with a progress bar; the threads only wait for child processes.

    Args:
        work: does one job.
        jobs: in this order.
        workers: at a time.
        children: that are stopped by Ctrl-C, SIGTERM, or an exception of ``work``.
        title: of the bar.

    Returns:
        The answers, in the jobs' order.

    Raises:
        KeyboardInterrupt: after Ctrl-C or SIGTERM, when all children have ended.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    with _sigterm_as_ctrl_c():
        try:
            answers = Parallel(workers, backend="threading", return_as="generator_unordered", batch_size=1)(
                delayed(_numbered)(work, place, job) for place, job in enumerate(jobs)
            )
            found = dict(tqdm(answers, total=len(jobs), desc=title, disable=not jobs))
        except BaseException:
            children.stop()
            raise
    return [found[place] for place in range(len(jobs))]


def _numbered(work: Callable[[Job], Answer], place: int, job: Job) -> tuple[int, Answer]:
    return place, work(job)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python lets nobody else listen to signals
        yield
        return
    before: Any = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
