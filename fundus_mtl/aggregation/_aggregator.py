"""What every rule has in common: the check of its rows, and a state that travels in a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.aggregation._generator import OwnGenerator


class Aggregator(ABC):
    """Combine the gradients of T tasks, rows of a ``(T, P)`` matrix, into one update ``(P,)``.

    All rules of this package keep two promises. *Sum scale*: T equal rows g give T·g. *Homogeneity*: s times the rows
    give s times the update, for s > 0, with no absolute epsilon anywhere. Exceptions stand in the rule's own
    docstring.

    A rule that draws at random keeps its ``OwnGenerator`` in ``_generator``: that then is the rule's state.
    """

    _generator: OwnGenerator | None = None

    def __call__(self, matrix: Tensor) -> Tensor:
        """Return the update ``(P,)``, in the dtype and on the device of the rows ``(T, P)``; no graph is recorded.

        Raises:
            ValueError: if the rows are not a floating-point matrix of at least one row.
        """
        if matrix.ndim != 2 or len(matrix) == 0 or not matrix.is_floating_point():
            raise ValueError(
                f"{type(self).__name__}: expected a floating-point matrix (T, P) with a row for each task, but got "
                f"{matrix.dtype} of shape {tuple(matrix.shape)}; stack the tasks' flattened gradients."
            )
        with torch.no_grad():
            return self._combine(matrix)

    @abstractmethod
    def _combine(self, matrix: Tensor) -> Tensor:
        """Return the update ``(P,)`` of checked rows ``(T, P)``."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the rule remembers from call to call, loadable with ``weights_only``; empty if it has no memory."""
        return {} if self._generator is None else self._generator.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a state of ``state_dict``, bit for bit.

        Raises:
            KeyError: if it is another rule's state.
        """
        expected = self.state_dict()
        if set(state_dict) != set(expected):
            raise KeyError(
                f"{type(self).__name__}: expected a state with the keys {sorted(expected)}, but got {sorted(state_dict)}; "
                "resume with the method that the checkpoint was written with."
            )
        if self._generator is not None:
            self._generator.load_state_dict(state_dict)


def widened(matrix: Tensor) -> Tensor:
    """Return the matrix in at least single precision: sums in half precision overflow at 65504 and round at 1e-3."""
    return matrix.to(torch.promote_types(matrix.dtype, torch.float32))
