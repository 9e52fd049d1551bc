"""Gradient surgery: one forward pass, one backward pass per task, and a rule that combines shared gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from monai.engines.utils import IterationEvents
from torch import Tensor

from fundus_mtl.autograd import Gradients, as_matrix, as_tensors, assign_grad, combine, rows_of, sharing_groups
from fundus_mtl.engines._prepare_batch import Targets
from fundus_mtl.engines._task_gradients import TaskGradientTrainer
from fundus_mtl.gram_matrix import gram

Group = tuple[str, ...]
Rows = list[list[Tensor]]


class SurgeryTrainer(TaskGradientTrainer):
    r"""Combine the tasks' gradients with a rule, once per group of parameters that the same tasks share.

    Parameters that only one task reaches (its head) get the unchanged gradient of that task. A task without a label in
    the batch has no row. Each group has its own copy of the rule, so that stateful and random rules keep one state per
    group; the copies are part of ``state_dict``.

    Rules that need only the Gram matrix (they have ``weights(gram)``) get it in float64 on the CPU. No ``(T, P)``
    matrix is built for them; their rows are combined in place. With mixed precision a Gram matrix that is not finite
    skips the whole iteration, including the random draws of the rules. With ``accumulation_steps`` the gradients of
    each task are averaged over the batches and then combined once.

    Memory: one gradient per task (K·P numbers); twice as much for rules without ``weights``.

    Args:
        *args: Arguments of ``MultiTaskTrainer``.
        aggregator: Rule that combines the gradients, ``(T, P) -> (P,)``.
        **kwargs: Arguments of ``MultiTaskTrainer``.

    Raises:
        FloatingPointError: during training, if gradients are not finite without mixed precision; lists the tasks.
    """

    def __init__(self, *args: Any, aggregator: Callable[[Tensor], Tensor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aggregator = aggregator
        self._rules: dict[Group, Any] = {}

    def contributions(self, gradients: Mapping[str, Gradients]) -> dict[str, Gradients]:
        """Return each task's gradients times the weight that the rule would give them now.

        A rule without ``weights`` has no weight per task; the gradients are then returned unchanged.
        """
        weighed = {task: list(entries) for task, entries in gradients.items()}
        for group, indices in sharing_groups(gradients).items():
            rule = copy.deepcopy(self._rules.get(group, self.aggregator))
            if len(group) > 1 and hasattr(rule, "weights"):
                weights = rule.weights(gram(rows_of(gradients, group, indices)).cpu()).tolist()
                for task, weight in zip(group, weights, strict=True):
                    for i in indices:
                        entry = gradients[task][i]
                        weighed[task][i] = None if entry is None else entry * weight
        return weighed

    def _step(self, image: Tensor, targets: Targets) -> None:
        first, last = self._accumulation()
        losses = self._losses(image, targets)
        self._gather(losses, first)
        if not last:
            return
        gradients = self._taken()
        if sharing_groups(gradients):  # at least one weight that the losses reach is not frozen
            self.optimizer.zero_grad(set_to_none=True)
            assign_grad(self._trainable(), self._combined(gradients))
            self.fire_event(IterationEvents.BACKWARD_COMPLETED)
            self._update(self.optimizer)
            self.scaler.update()

    def _combined(self, gradients: dict[str, Gradients]) -> Gradients:
        groups = {
            group: (indices, rows_of(gradients, group, indices)) for group, indices in sharing_groups(gradients).items()
        }
        grams = _to_cpu([gram(rows) for _, rows in groups.values()])
        finite = all(bool(matrix.isfinite().all()) for matrix in grams)
        if not finite and not self.scaler.is_enabled():
            self._raise_not_finite([task for task in gradients if _is_broken(task, groups, grams)])
        combined: Gradients = [None] * len(next(iter(gradients.values())))
        for (group, (indices, rows)), matrix in zip(groups.items(), grams, strict=True):
            # The scaler finds the overflow in the plain sum, skips the step and lowers its factor.
            result = self._apply(group, rows, matrix) if finite else combine([1.0] * len(rows), rows)
            for index, tensor in zip(indices, result, strict=True):
                combined[index] = tensor
        return combined

    def _apply(self, group: Group, rows: Rows, matrix: Tensor) -> list[Tensor]:
        if len(group) == 1:
            return rows[0]
        rule = self._rule(group)
        if hasattr(rule, "weights"):
            return combine(rule.weights(matrix).tolist(), rows)
        return as_tensors(rule(as_matrix(rows)), rows[0])

    def _rule(self, group: Group) -> Any:
        if group not in self._rules:
            self._rules[group] = copy.deepcopy(self.aggregator)
        return self._rules[group]

    def _method_name(self) -> str:
        return f"{super()._method_name()} with {_rule_name(self.aggregator)}"

    def _method_state(self) -> dict[str, Any]:
        return {
            "rules": [
                {"tasks": list(group), "state": rule.state_dict()}
                for group, rule in self._rules.items()
                if hasattr(rule, "state_dict")
            ]
        }

    def _load_method_state(self, state: Mapping[str, Any]) -> None:
        self._rules = {}
        for entry in state.get("rules", []):
            self._rule(tuple(entry["tasks"])).load_state_dict(entry["state"])


def _rule_name(rule: Any) -> str:
    """Return the name of a rule, and of the rule that it wraps, if any."""
    inner = getattr(rule, "aggregator", None)
    return type(rule).__name__ if inner is None else f"{type(rule).__name__}({type(inner).__name__})"


def _to_cpu(matrices: list[Tensor]) -> list[Tensor]:
    """Copy all matrices to the CPU in one transfer, because each transfer synchronises with the GPU."""
    flat = torch.cat([matrix.flatten() for matrix in matrices]).cpu()
    parts = flat.split([matrix.numel() for matrix in matrices])
    return [part.view(matrix.shape) for part, matrix in zip(parts, matrices, strict=True)]


def _is_broken(task: str, groups: Mapping[Group, Any], grams: list[Tensor]) -> bool:
    own = [matrix.diagonal()[group.index(task)] for group, matrix in zip(groups, grams, strict=True) if task in group]
    return not all(bool(square.isfinite()) for square in own)
