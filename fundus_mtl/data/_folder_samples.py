"""The samples of a folder, in which a bad photograph is a report and never an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, root_cause


class FolderSamples(IterableDataset[Any]):
    """Transform items one after the other; hand each that cannot be read or prepared to ``on_failure`` and go on.

    It has no length, since nobody knows how many photographs can be read: MONAI's engines then end when it does, also after
    zero samples. It runs in the loader's own process (``num_workers: 0``), where ``on_failure`` can keep a record.

    Args:
        items: of ``scan_folder``; one with an ``error`` fails at stage ``scan`` without being opened.
        transform: maps an item to a sample.
        on_failure: called with the item, the stage (``scan``, ``read``, ``prepare``) and the error at the root.

    Raises:
        ValueError: when iterated in a worker process.

    Example:
        >>> from fundus_mtl.data import FolderSamples, scan_folder
        >>> samples = FolderSamples(scan_folder("photographs"), transform, results.fail)  # doctest: +SKIP
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        transform: Callable[[dict[str, Any]], Any],
        on_failure: Callable[[Mapping[str, Any], str, BaseException], None],
    ) -> None:
        self.items = items
        self.transform = transform
        self.on_failure = on_failure

    def __iter__(self) -> Iterator[Any]:
        """Yield the samples of the photographs that can be read, in the order of the items."""
        if get_worker_info() is not None:
            raise ValueError(
                "expected a loader with num_workers 0, but got workers; their reports of failures would be lost."
            )
        for item in self.items:
            try:
                sample = self._sample(item)
            except PHOTOGRAPH_ERRORS as error:
                cause = root_cause(error)
                if not isinstance(cause, PHOTOGRAPH_ERRORS):
                    raise  # MONAI wraps everything, lack of memory and mistakes in the config included
                self.on_failure(item, _stage(item, cause), cause)
            else:
                yield sample

    def _sample(self, item: Mapping[str, Any]) -> Any:
        if "error" in item:
            raise ValueError(item["error"])
        return self.transform(dict(item))


def _stage(item: Mapping[str, Any], cause: BaseException) -> str:
    if "error" in item:
        return "scan"
    return "prepare" if isinstance(cause, ValueError | RuntimeError | LookupError | ArithmeticError) else "read"
