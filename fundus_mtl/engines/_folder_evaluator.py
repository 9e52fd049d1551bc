"""Evaluator of a folder run: a photograph that the network does not finish is one failed row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monai.engines import SupervisedEvaluator
from torch import Tensor

from fundus_mtl.data import is_out_of_memory
from fundus_mtl.engines._evaluator import MultiTaskEvaluator
from fundus_mtl.processes import TimeLimit, TooSlowError


class FolderEvaluator(MultiTaskEvaluator):
    """Predict every task of a batch; report photographs whose pass takes too long, or more memory than there is.

    Such a batch has no output: its photographs are reported, and the next batch follows. All other errors of the network
    are faults of the configuration, and end the run.

    Args:
        *args: Arguments of `MultiTaskEvaluator`.
        on_failure: Function called with ``{"id": ...}``, the stage ``predict`` and the error, for each photograph.
        timeout: Limit of time of one pass, in s; None for no limit. See `TimeLimit`.
        **kwargs: Arguments of `MultiTaskEvaluator`.

    Raises:
        ValueError: If ``timeout`` is no positive number.
    """

    def __init__(
        self,
        *args: Any,
        on_failure: Callable[[Mapping[str, Any], str, BaseException], None],
        timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._on_failure = on_failure
        self._limit = TimeLimit(timeout, "predicted")

    def _forward(self, image: Tensor) -> dict[str, Tensor]:
        return self._limit(super()._forward, image)

    def _iteration(self, engine: SupervisedEvaluator, batchdata: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            return super()._iteration(engine, batchdata)
        except (TooSlowError, MemoryError, RuntimeError) as error:
            if batchdata is None or not (isinstance(error, TooSlowError) or is_out_of_memory(error)):
                raise
            for name in batchdata["id"]:
                self._on_failure({"id": name}, "predict", error)
        self.state.batch, self.state.output = [], []  # what handlers of the iteration see
        return self.state.output
