"""A transform after which a photograph that it could not take is marked, while the others of the batch go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS, root_cause

FAILURE = "failure"


class GuardedTransform:
    """Hand a sample to a transform; where that fails, return the sample with the error under ``failure``.

    A failure of MONAI's postprocessing ends the run; this makes it one failed row (``FolderResults`` looks for the mark).

    Args:
        transform: of a sample, such as the bundle's postprocessing.

    Example:
        >>> GuardedTransform(lambda sample: sample["missing"])({"id": "x"})
        {'id': 'x', 'failure': KeyError('missing')}
    """

    def __init__(self, transform: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self.transform = transform

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the transformed sample, or the sample with its ``failure``."""
        try:
            return dict(self.transform(dict(sample)))
        except PHOTOGRAPH_ERRORS as error:
            return {**sample, FAILURE: photographs_fault(error)}


def photographs_fault(error: BaseException) -> BaseException:
    """Return the root of an error that concerns one photograph.

    Raises:
        BaseException: the error itself, where its root is something else: MONAI wraps everything, lack of memory and
            mistakes in the config included.
    """
    cause = root_cause(error)
    if not isinstance(cause, PHOTOGRAPH_ERRORS):
        raise error
    return cause
