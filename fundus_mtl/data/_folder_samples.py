"""Samples of a folder of photographs; a bad photograph is reported and skipped, and never raises an exception."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS
from fundus_mtl.data._guarded_transform import photograph_error
from fundus_mtl.data._native_keys import PIXELS, SEEN
from fundus_mtl.processes import TimeLimit

_NATIVE = (PIXELS, SEEN)


class FolderSamples(IterableDataset[Any]):
    """Transform items one by one; call ``on_failure`` for each item that cannot be read or prepared, and continue.

    Threads read ahead, so that decoding overlaps with the network. Samples and failures still come in the order of
    the items, and failures are reported in the caller's thread. MONAI's ``ThreadBuffer`` would end the run silently
    after an error in its thread. The data set has no length, because the number of readable photographs is unknown;
    MONAI's engines then stop at its end, also after zero samples. It runs in the process of the loader (``num_workers:
    0``), where ``on_failure`` can keep a record.

    Pixels and field of view (keys ``photograph`` and ``field_of_view``) are kept beside the batches, since photographs
    differ in size; `with_pixels` gives them back. The number of photographs in memory is limited: with batches of b at most
    b wait for `with_pixels`, and at most ``ahead`` + 1 are read ahead.

    Args:
        items: Items of ``scan_folder``; an item with an ``error`` fails at the stage ``scan`` without being opened.
        transform: Function from an item to a sample.
        on_failure: Function called with the item, the stage (``scan``, ``read``, ``prepare``) and the root cause.
        ahead: Number of samples to read ahead, and of threads that read them; 0 reads one when it is asked for.
        timeout: Limit of time of one item, in s; None for no limit. See `TimeLimit`.

    Attributes:
        done: Number of items that were yielded or failed in the current (or last) iteration.

    Raises:
        ValueError: when iterated in a worker process, if ``ahead`` is negative, or ``timeout`` is no positive number.

    Example:
        >>> from fundus_mtl.data import FolderSamples, scan_folder
        >>> samples = FolderSamples(scan_folder("photographs"), transform, results.fail)  # doctest: +SKIP
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        transform: Callable[[dict[str, Any]], Any],
        on_failure: Callable[[Mapping[str, Any], str, BaseException], None],
        ahead: int = 1,
        timeout: float | None = None,
    ) -> None:
        if ahead < 0:
            raise ValueError(f"ahead: expected 0 or more samples, but got {ahead}.")
        self.items = items
        self.transform = transform
        self.on_failure = on_failure
        self.ahead = ahead
        self.timeout = timeout
        self._limit = TimeLimit(timeout, "read")
        self.done = 0
        self._aside: dict[str, dict[str, Any]] = {}

    def with_pixels(self, sample: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the sample with what it had of the photograph's size before it became part of a batch."""
        return {**sample, **self._aside.pop(str(sample.get("id")), {})}

    def fail(self, item: Mapping[str, Any], stage: str, error: BaseException) -> None:
        """Report a photograph that failed after it was read, and forget its pixels."""
        self._aside.pop(str(item["id"]), None)
        self.on_failure(item, stage, error)

    def __iter__(self) -> Iterator[Any]:
        """Yield the samples of the photographs that can be read, in the order of the items."""
        if get_worker_info() is not None:
            raise ValueError(
                "expected a loader with num_workers 0, but got workers, whose failure reports would be lost."
            )
        self.done = 0
        self._aside.clear()
        self._limit = TimeLimit(self.timeout, "read")
        for item, sample in self._read_ahead():
            self.done += 1
            try:
                made = sample()
            except PHOTOGRAPH_ERRORS as error:
                cause = photograph_error(error)
                self.on_failure(item, _stage(item, cause), cause)
            else:
                yield self._without_pixels(item, made)

    def _without_pixels(self, item: Mapping[str, Any], sample: Any) -> Any:
        if not isinstance(sample, Mapping):
            return sample
        if aside := {key: sample[key] for key in _NATIVE if key in sample}:
            self._aside[str(item["id"])] = aside
        return {key: value for key, value in sample.items() if key not in _NATIVE}

    def _read_ahead(self) -> Iterator[tuple[Mapping[str, Any], Callable[[], Any]]]:
        """Yield items, each with a function that returns or raises its sample, while threads load the next ones."""
        if self.ahead == 0:
            yield from ((item, partial(self._sample, item)) for item in self.items)
            return
        threads = ThreadPoolExecutor(self.ahead, "read-ahead")
        waiting: deque[tuple[Mapping[str, Any], Callable[[], Any]]] = deque()
        try:
            for item in self.items:
                waiting.append((item, threads.submit(self._sample, item).result))
                if len(waiting) > self.ahead:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:  # also when the run ends early
            self._limit.close()
            threads.shutdown(wait=True, cancel_futures=True)

    def _sample(self, item: Mapping[str, Any]) -> Any:
        if "error" in item:
            raise ValueError(item["error"])
        return self._limit(self.transform, dict(item))


def _stage(item: Mapping[str, Any], cause: BaseException) -> str:
    if "error" in item:
        return "scan"
    return "prepare" if isinstance(cause, ValueError | RuntimeError | LookupError | ArithmeticError) else "read"
