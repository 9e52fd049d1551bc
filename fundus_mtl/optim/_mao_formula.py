"""MAO's arithmetic for one task: moments (equation 7), learning rates (8) and their corrections (10).

Source: Hervella, Rouco, Novo, Ortega, Multi-Adaptive Optimization for multi-task learning with deep neural networks,
Neural Networks 2024, section 4. ``group`` is always a parameter group of the optimizer; lists have one tensor per
parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def check(group: Mapping[str, Any]) -> None:
    """Check the arguments of a group.

    Raises:
        ValueError: if an argument is out of range.
    """
    for name in ("lr", "eps", "weight_decay"):
        if not group[name] >= 0:
            raise ValueError(f"{name} of MAO: expected at least 0, but got {group[name]}.")
    beta1, beta2 = group["betas"]
    if not all(beta is None or isinstance(beta, float | int) for beta in (beta1, beta2)):
        raise ValueError(f"betas of MAO: expected numbers, or None for the first, but got {group['betas']!r}.")
    if not 0 <= (beta1 or 0) < 1 or beta2 is None or not 0 <= beta2 < 1:
        raise ValueError(
            f"betas of MAO: expected two numbers in [0, 1), or None for the first, but got {group['betas']}."
        )
    for name, known in (("reduction", ("sum", "mean")), ("bias_correction", ("adam", "printed"))):
        if group[name] not in known:
            raise ValueError(f"{name} of MAO: expected one of {known}, but got {group[name]!r}.")


def check_momentum(group: Mapping[str, Any], built: Mapping[str, Any]) -> None:
    """Check that a learning rate schedule did not set the first beta of an optimizer that was built without one.

    Raises:
        ValueError: if the first beta was ``None`` and now is a number.
    """
    if built["betas"][0] is None and group["betas"][0] is not None:
        raise ValueError(
            f"betas of MAO: expected None for the first, as at construction, but got {group['betas'][0]}; switch off "
            "the schedule's change of momentum, for example with cycle_momentum=False."
        )


def advance(
    moments: list[dict[str, Tensor]], gradients: list[Tensor], group: Mapping[str, Any]
) -> tuple[list[Tensor], list[Tensor]]:
    """Update the moments of one task with its gradients, equation 7; missing entries start from zero.

    Returns:
        The mean gradients (the gradients themselves if the first beta is None) and the mean squared gradients.
    """
    beta1, beta2 = group["betas"]
    for moment, gradient in zip(moments, gradients, strict=True):
        for name in ("exp_avg_sq",) if beta1 is None else ("exp_avg", "exp_avg_sq"):
            if name not in moment:
                moment[name] = torch.zeros_like(gradient)
    squares = [moment["exp_avg_sq"] for moment in moments]
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
    if beta1 is None:
        return gradients, squares
    means = [moment["exp_avg"] for moment in moments]
    torch._foreach_lerp_(means, gradients, 1 - beta1)
    return means, squares


def rate(group: Mapping[str, Any], t: int) -> float:
    """Return the numerator, over ``denominators``, of the factor of the unbiased mean gradient at step ``t``."""
    beta1, beta2 = group["betas"]
    printed = beta1 is not None and group["bias_correction"] == "printed"
    return float(group["lr"]) * (1 - beta2**t) if printed else float(group["lr"])


def step_size(group: Mapping[str, Any], t: int) -> float:
    """Return the numerator, over ``denominators``, of the factor of the stored (biased) mean gradient."""
    beta1, _ = group["betas"]
    return rate(group, t) / (1 if beta1 is None else 1 - beta1**t)


def denominators(group: Mapping[str, Any], t: int, squares: list[Tensor]) -> list[Tensor]:
    """Return the square roots of the mean squared gradients plus ``eps``, as new tensors of the same shapes."""
    beta1, beta2 = group["betas"]
    correction = 1 - beta2**t if beta1 is not None and group["bias_correction"] == "adam" else 1.0
    if group["eps_inside"]:
        roots = torch._foreach_div(squares, correction)
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_sqrt_(roots)
        return list(roots)
    roots = torch._foreach_sqrt(squares)
    torch._foreach_div_(roots, correction**0.5)  # same order as torch's AdamW, for bit-identical results
    torch._foreach_add_(roots, group["eps"])
    return list(roots)
