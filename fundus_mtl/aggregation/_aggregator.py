"""Base class of the aggregators: input check and checkpoint state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.aggregation._generator import OwnGenerator


class Aggregator(ABC):
    """Combine the gradients of T tasks, rows of a ``(T, P)`` matrix, into one update ``(P,)``.

    All rules of this package have two properties. *Sum scale*: T equal rows g give T·g. *Homogeneity*: rows scaled by
    s > 0 give an update scaled by s, so no rule uses an absolute epsilon. A rule's own docstring lists its exceptions.

    A rule that draws random numbers stores its ``OwnGenerator`` in ``_generator``, which is then the rule's state.
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
        """Return the state kept between calls, loadable with ``weights_only``; empty for a stateless rule."""
        return {} if self._generator is None else self._generator.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a state that ``state_dict`` returned; later calls give bit-identical results.

        Raises:
            KeyError: if the state belongs to another rule.
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
    """Return the matrix in at least single precision. Half precision overflows at 65504 and rounds at 1e-3."""
    return matrix.to(torch.promote_types(matrix.dtype, torch.float32))
