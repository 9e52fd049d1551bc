"""What an optimizer multiplies a task's gradient with at present.

Source: Hervella et al., Multi-Adaptive Optimization for multi-task learning with deep neural networks, Neural Networks 2024,
section 5.2.6: the contribution of a task to an update is its gradient times the effective learning rate of Adam.
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
    r"""Return by how much a unit of a task's gradient is multiplied in the update of a parameter; nothing is moved.

    An optimizer that has an ``effective_rate(task, parameter)`` of its own answers itself. Any other is read by its state:
    :math:`\eta / (\sqrt{\hat v} + \epsilon)` where that holds ``exp_avg_sq`` (Adam; corrected by the state's ``step``) or
    ``square_avg`` (RMSprop; uncorrected), else :math:`\eta`, as in SGD. Momentum and weight decay are left out.

    Args:
        optimizer: that updates the parameter.
        task: whose gradient is meant.
        parameter: the very tensor that was given to the optimizer.

    Returns:
        The rate per element, in the parameter's shape, or one number for all of it; 0 where the optimizer does not hold the
        parameter; NaN, not known, before an adaptive optimizer's first step, and for adaptive rules other than the two.
    """
    own = getattr(optimizer, "effective_rate", None)
    if own is not None:
        answer: Tensor | float = own(task, parameter)
        return answer
    group = group_of(optimizer, parameter)
    if group is None:
        return 0.0
    # `state` is a defaultdict: asking it by index would leave an empty entry behind.
    state: Mapping[str, Any] = optimizer.state.get(parameter, {})
    denominator = _denominator(state, group)
    return group["lr"] if denominator is None else group["lr"] / denominator


def _denominator(state: Mapping[str, Any], group: Mapping[str, Any]) -> Tensor | float | None:
    """What the learning rate is divided by; ``None`` if by nothing, NaN if that is not known."""
    if "eps" not in group:  # no optimizer divides without a guard: this one does not divide
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
