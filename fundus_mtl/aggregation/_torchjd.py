"""Adapter for the aggregators of TorchJD: adds this package's scale and checkpoint state.

Source: https://github.com/TorchJD/torchjd. TorchJD is optional: the caller passes a ready-made rule, so nothing is
imported from TorchJD here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fundus_mtl.aggregation._aggregator import Aggregator, widened
from fundus_mtl.aggregation._foreign_state import captured, restore
from fundus_mtl.aggregation._generator import forked_randomness


class TorchJD(Aggregator):
    """Run an aggregator of TorchJD.

    The behaviour of the rule is not changed. TorchJD's CAGrad and MGDA return zero as soon as one task's gradient is
    zero, several rules use absolute epsilons, and NashMTL (``max_norm``), FairGrad, ExcessMTL and PCD are not
    homogeneous: under a gradient scaler, or with a ``scale`` measured on rows of norm one, the length of their update
    is as defined in their papers. Rows in half precision are combined in single precision.

    Rules that draw from torch's global generator run on a fork of it, seeded by ``seed`` and the number of the call.
    Ranks agree, and other random numbers of the training do not change.

    Args:
        aggregator: An aggregator of ``torchjd.aggregation``. Wrap a bare Weighting in ``GramianWeightedAggregator`` or
            ``WeightedAggregator`` first.
        scale: ``"tasks"`` multiplies by the factor for which T equal rows g give T·g. It is measured once per T on T
            rows of norm one with a copy of the original rule (T for rules that average, 1 for rules that add,
            T/(1 + c) for TorchJD's CAGrad). A number multiplies the rule's own result.
        seed: Seed of the random numbers that the rule draws.

    Raises:
        TypeError: if the aggregator is not a module, or has learnable parameters, which no optimizer would update.
        ValueError: if the scale is neither ``"tasks"`` nor a positive number.
    """

    def __init__(self, aggregator: nn.Module, scale: float | Literal["tasks"] = "tasks", seed: int = 0) -> None:
        if not isinstance(aggregator, nn.Module) or any(True for _ in aggregator.parameters()):
            raise TypeError(
                f"TorchJD: expected an aggregator of torchjd without learned parameters, but got {aggregator!r}."
            )
        if scale != "tasks" and (isinstance(scale, bool | str) or not 0 < scale < float("inf")):
            raise ValueError(f"TorchJD: expected scale to be 'tasks' or a positive number, but got {scale!r}.")
        self.aggregator = aggregator
        self.scale = scale
        self.seed = seed
        self._original = copy.deepcopy(aggregator)
        self._calls = 0
        self._tasks: int | None = None
        self._factors: dict[tuple[int, torch.dtype, torch.device], float] = {}

    def _combine(self, matrix: Tensor) -> Tensor:
        rows = widened(matrix)
        self._expect_same_tasks(len(rows))
        factor = self._factor(rows)
        self._calls += 1
        update = factor * self._run(self.aggregator, rows, self._calls)
        if not update.isfinite().all():
            raise ValueError(
                f"TorchJD: expected {self.aggregator!r} to return a finite update of {len(rows)} gradients, but got NaN or "
                f"infinity; their norms are {rows.norm(dim=1).tolist()}."
            )
        return update.to(matrix.dtype)

    def _expect_same_tasks(self, count: int) -> None:
        """Raise if the number of tasks changed: stateful rules would silently reset their state."""
        remembers = any(callable(getattr(module, "reset", None)) for module in self.aggregator.modules())
        if remembers and self._tasks not in (None, count):
            raise ValueError(
                f"TorchJD: expected the {self._tasks} tasks that {self.aggregator!r} remembers, but got {count}; give each "
                "group of tasks its own copy."
            )
        self._tasks = count

    def _run(self, rule: nn.Module, rows: Tensor, call: int) -> Tensor:
        try:
            with forked_randomness(rows.device, self.seed, call):
                update = rule(rows)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # third-party code and solvers may raise anything
            raise ValueError(
                f"TorchJD: expected {rule!r} to combine the gradients of {len(rows)} tasks, but got {type(error).__name__} "
                f"({error}); a rule for a fixed number of tasks needs one sharing group of that size, and every label."
            ) from error
        if not isinstance(update, Tensor) or update.shape != rows.shape[1:]:
            raise ValueError(
                f"TorchJD: expected {rule!r} to return an update of shape {tuple(rows.shape[1:])}, but got "
                f"{tuple(getattr(update, 'shape', ()))}; "
                "put a Weighting into a WeightedAggregator or GramianWeightedAggregator."
            )
        return update

    def _factor(self, rows: Tensor) -> float:
        if self.scale != "tasks":
            return float(self.scale)
        key = (len(rows), rows.dtype, rows.device)
        if key not in self._factors:
            self._factors[key] = self._probe(rows)
        return self._factors[key]

    def _probe(self, rows: Tensor) -> float:
        """Return T divided by k, where the rule returns k·g for T equal rows g."""
        width = 4 if len(rows) != 4 else 16  # not T, so that a Weighting's T weights are not mistaken for an update
        row = width**-0.5 * (1 - 2 * (torch.arange(width, device=rows.device) % 2)).to(rows.dtype)  # norm 1, exactly
        update = self._run(copy.deepcopy(self._original), row.repeat(len(rows), 1), 0)
        multiple = (update @ row).item()
        if not 0 < multiple < float("inf") or not torch.allclose(
            update, multiple * row, rtol=1e-3, atol=1e-3 * multiple
        ):
            raise ValueError(
                f"TorchJD: expected {self._original!r} to return a positive multiple of g for {len(rows)} equal "
                f"gradients g, but got {update.tolist()} for {row.tolist()}; give scale as a number."
            )
        return len(rows) / multiple

    def __deepcopy__(self, memo: dict[int, Any]) -> TorchJD:
        """Copy through the state dict, because solver objects inside a rule may not support copying."""
        twin = type(self)(copy.deepcopy(self._original, memo), self.scale, self.seed)
        twin.load_state_dict(self.state_dict())
        return twin

    def state_dict(self) -> dict[str, Any]:
        """Return the number of calls, the number of tasks, and what changed in the rule since construction.

        Raises:
            TypeError: if the rule has state that cannot be saved.
        """
        return {"calls": self._calls, "tasks": self._tasks, "rule": captured(self.aggregator, self._original)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a state that ``state_dict`` returned; bit-exact on the type of device it was saved on.

        Raises:
            KeyError: if the state belongs to another rule.
        """
        super().load_state_dict(state_dict)
        rule = copy.deepcopy(self._original)
        if state_dict["rule"]["rebuilt"]:
            self._run(rule, torch.eye(state_dict["tasks"]), 0)
        restore(rule, state_dict["rule"])
        self.aggregator, self._calls, self._tasks = rule, state_dict["calls"], state_dict["tasks"]
