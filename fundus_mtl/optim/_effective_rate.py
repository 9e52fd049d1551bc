"""Effective learning rate: the factor by which an optimizer currently multiplies the gradient of a task.

Source: Hervella et al., Multi-Adaptive Optimization for multi-task learning with deep neural networks, Neural Networks
2024, section 5.2.6: the contribution of a task to an update is its gradient times the effective learning rate of Adam.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def group_of(optimizer: Optimizer, parameter: Tensor) -> dict[str, Any] | None:
    """Return the parameter group that holds a parameter, or ``None``."""
    groups = optimizer.param_groups
    return next((group for group in groups if any(held is parameter for held in group["params"])), None)


@torch.no_grad()
def effective_rate(optimizer: Optimizer, task: Hashable, parameter: Tensor) -> Tensor | float:
    r"""Return the factor of a task's gradient in the update of a parameter. Nothing is modified.

    If the optimizer has a method ``effective_rate(task, parameter)``, its result is returned. Otherwise the state of
    the optimizer decides: :math:`\eta / (\sqrt{\hat v} + \epsilon)` if it contains ``exp_avg_sq`` (Adam; bias-corrected
    by the state's ``step``) or ``square_avg`` (RMSprop; uncorrected), else :math:`\eta`, as in SGD. Momentum and weight
    decay are ignored.

    Args:
        optimizer: Optimizer that updates the parameter.
        task: Task that the gradient belongs to.
        parameter: The same tensor object that was passed to the optimizer.

    Returns:
        The rate per element, in the parameter's shape, or one number for all elements. 0 if the optimizer does not
        update the parameter. NaN (unknown) before the first step of an adaptive optimizer, and for other adaptive
        rules.
    """
    own = getattr(optimizer, "effective_rate", None)
    if own is not None:
        answer: Tensor | float = own(task, parameter)
        return answer
    group = group_of(optimizer, parameter)
    if group is None:
        return 0.0
    # `state` is a defaultdict: indexing would add an empty entry.
    state: Mapping[str, Any] = optimizer.state.get(parameter, {})
    denominator = _denominator(state, group)
    return group["lr"] if denominator is None else group["lr"] / denominator


def _denominator(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor | float | None:
    """Return the divisor of the learning rate; ``None`` if the rule does not divide, NaN if the divisor is unknown."""
    if "eps" not in group:  # optimizers that divide have an eps
        return None
    if "exp_avg_sq" in state and state["step"] > 0:
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        return (square / (1 - group["betas"][1] ** float(state["step"]))).sqrt() + group["eps"]
    if "square_avg" in state and state["step"] > 0 and "acc_delta" not in state:
        square = state["square_avg"]
        if "grad_avg" in state:
            square = square - state["grad_avg"].square()
        return square.sqrt() + group["eps"]
    return math.nan
