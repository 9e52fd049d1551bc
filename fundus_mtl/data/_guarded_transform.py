"""A transform wrapper that marks a photograph as failed instead of raising, so that the run continues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, root_cause
from fundus_mtl.processes import TimeLimit

FAILURE = "failure"
"""Key of the error of a sample."""
LATER = "later"
"""Key of a function without arguments that returns the transformed sample."""


class GuardedTransform:
    """Apply a transform to a sample; if it raises, return the sample with the error under the key ``failure``.

    An error in MONAI's postprocessing would end the run. With this wrapper it becomes one failed row of
    ``FolderResults``.

    Args:
        transform: Transform of a sample, for example the postprocessing of the bundle.
        timeout: Limit of time of one sample, in s; None for no limit. See `TimeLimit`.
        deferred: Whether to return at once, with a function under the key ``later`` that applies the transform. The
            threads of ``FolderResults`` then call it, and the network can start on the next photograph. The transform
            must allow several threads.

    Example:
        >>> GuardedTransform(lambda sample: sample["missing"])({"id": "x"})
        {'id': 'x', 'failure': KeyError('missing')}
    """

    def __init__(
        self,
        transform: Callable[[dict[str, Any]], Mapping[str, Any]],
        timeout: float | None = None,
        deferred: bool = False,
    ) -> None:
        self.transform, self.deferred = transform, deferred
        self._limit = TimeLimit(timeout, "brought back to its own pixels")

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the transformed sample, or the sample with the error as ``failure``; if deferred, what returns it."""
        return {LATER: partial(self._apply, sample)} if self.deferred else self._apply(sample)

    def _apply(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return dict(self._limit(self.transform, dict(sample)))
        except PHOTOGRAPH_ERRORS as error:
            return {**sample, FAILURE: photograph_error(error)}


def photograph_error(error: BaseException) -> BaseException:
    """Return the root cause of an error that concerns one photograph.

    Raises:
        BaseException: the error itself, if the root cause is of another type. MONAI wraps all errors, including
            mistakes in the configuration.
    """
    cause = root_cause(error)
    if not isinstance(cause, PHOTOGRAPH_ERRORS):
        raise error
    return cause
