"""Settings of MT-COOL's algorithm 1, and checks of its optimizer and network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from fundus_mtl.engines._perturbation import Box
from fundus_mtl.losses import log_outcomes
from fundus_mtl.optim import OptimizerGroup
from fundus_mtl.tasks import Task

Reference = Literal["mean", "clean"]


@dataclass(frozen=True)
class Turns:
    """Validated settings of ``CooperativeTrainer``.

    Args:
        warmup_iterations: T_w, number of iterations that update all weights together.
        inner_steps: L, number of steps of a task per turn.
        samples: M, number of noise draws per step.
        kl_weight: lambda, weight of the KL term.
        kl_reference: Reference of the KL term, ``mean`` or ``clean``.

    Raises:
        ValueError: if a number is out of range, or the reference is unknown.
    """

    warmup_iterations: int
    inner_steps: int
    samples: int
    kl_weight: float
    kl_reference: Reference

    def __post_init__(self) -> None:
        if self.warmup_iterations < 0 or self.inner_steps < 1 or self.samples < 1 or self.kl_weight < 0:
            raise ValueError(
                "CooperativeTrainer: expected warmup_iterations and kl_weight of at least 0, inner_steps and samples of at "
                f"least 1, but got {self.warmup_iterations}, {self.kl_weight}, {self.inner_steps}, {self.samples}."
            )
        if self.kl_reference not in get_args(Reference):
            raise ValueError(f"kl_reference: expected one of {get_args(Reference)}, but got {self.kl_reference!r}.")
        if self.kl_weight and self.samples == 1 and self.kl_reference == "mean":
            warnings.warn(
                "kl_weight has no effect: with samples=1 the mean of the predictions is the prediction itself, and the "
                "divergence 0; use samples of 2 or more, or kl_reference='clean'.",
                stacklevel=4,
            )


def check_parts(optimizer: Any, network: Any, tasks: Mapping[str, Task], turns: Turns, box: Box) -> None:
    """Check that optimizer, network and tasks fit MT-COOL, and warn if the KL term is always 0.

    Raises:
        TypeError: if the optimizer was not built by ``OptimizerGroup.per_share``, or the network has no
            ``task_parameters``.
        ValueError: if a task gives no probabilities for the KL term.
    """
    wanted, got = {"all", *tasks}, set(optimizer) if isinstance(optimizer, OptimizerGroup) else None
    if got != wanted:
        instead = type(optimizer).__name__ if got is None else f"one of {sorted(got)}"
        raise TypeError(
            f"CooperativeTrainer: expected an OptimizerGroup of {sorted(wanted)}, but got {instead}; build it with "
            "OptimizerGroup.per_share."
        )
    if not hasattr(network, "task_parameters"):
        raise TypeError(
            f"CooperativeTrainer: expected a network with task_parameters(name), but got {type(network).__name__}; use a "
            "split network (network_split)."
        )
    if turns.kl_weight:
        for task in tasks.values():
            log_outcomes(torch.zeros(1, 1), task.activation)  # raises if the activation gives no probabilities
        if box.bound is None:
            warnings.warn(
                "kl_weight has no effect without noise (bound=None), except through dropout; use kl_weight=0.",
                stacklevel=3,
            )
