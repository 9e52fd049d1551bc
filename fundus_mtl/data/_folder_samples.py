"""The samples of a folder, in which a bad photograph is a report and never an exception."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS
from fundus_mtl.data._guarded_transform import photographs_fault


class FolderSamples(IterableDataset[Any]):
    """Transform items one after the other; hand each that cannot be read or prepared to ``on_failure`` and go on.

    A thread reads ahead, so that decoding overlaps the network; samples and failures still come in the order of the items,
    failures in the caller's thread. MONAI's ``ThreadBuffer`` would end the run without a word at an error in its thread.
    It has no length, since nobody knows how many photographs can be read: MONAI's engines then end when it does, also after
    zero samples. It runs in the loader's own process (``num_workers: 0``), where ``on_failure`` can keep a record.

    Args:
        items: of ``scan_folder``; one with an ``error`` fails at stage ``scan`` without being opened.
        transform: maps an item to a sample.
        on_failure: called with the item, the stage (``scan``, ``read``, ``prepare``) and the error at the root.
        ahead: samples that may wait for the network; 0 reads in the caller's thread.

    Attributes:
        done: how many items have been yielded or have failed, of the iteration at work or the last one.

    Raises:
        ValueError: when iterated in a worker process, or if ``ahead`` is negative.

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
    ) -> None:
        if ahead < 0:
            raise ValueError(f"ahead: expected 0 or more samples, but got {ahead}.")
        self.items = items
        self.transform = transform
        self.on_failure = on_failure
        self.ahead = ahead
        self.done = 0

    def __iter__(self) -> Iterator[Any]:
        """Yield the samples of the photographs that can be read, in the order of the items."""
        if get_worker_info() is not None:
            raise ValueError(
                "expected a loader with num_workers 0, but got workers; their reports of failures would be lost."
            )
        self.done = 0
        for item, sample in self._read_ahead():
            self.done += 1
            try:
                made = sample()
            except PHOTOGRAPH_ERRORS as error:
                cause = photographs_fault(error)
                self.on_failure(item, _stage(item, cause), cause)
            else:
                yield made

    def _read_ahead(self) -> Iterator[tuple[Mapping[str, Any], Callable[[], Any]]]:
        """Yield items, each with what gives or raises its sample, while a thread makes the next ones."""
        if self.ahead == 0:
            yield from ((item, partial(self._sample, item)) for item in self.items)
            return
        thread = ThreadPoolExecutor(1, "read-ahead")
        waiting: deque[tuple[Mapping[str, Any], Callable[[], Any]]] = deque()
        try:
            for item in self.items:
                waiting.append((item, thread.submit(self._sample, item).result))
                if len(waiting) > self.ahead:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:  # also when the run ends early
            thread.shutdown(wait=True, cancel_futures=True)

    def _sample(self, item: Mapping[str, Any]) -> Any:
        if "error" in item:
            raise ValueError(item["error"])
        return self.transform(dict(item))


def _stage(item: Mapping[str, Any], cause: BaseException) -> str:
    if "error" in item:
        return "scan"
    return "prepare" if isinstance(cause, ValueError | RuntimeError | LookupError | ArithmeticError) else "read"
