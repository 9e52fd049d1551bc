"""How MT-COOL's tasks take turns: the numbers of its algorithm 1."""

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
    """The settings of ``CooperativeTrainer``, checked.

    Args:
        warmup_iterations: T_w, with all weights together.
        inner_steps: L, steps of a task per turn.
        samples: M, draws of noise per step.
        kl_weight: lambda.
        kl_reference: what the predictions are compared with.

    Raises:
        ValueError: if a number is out of range, or the reference unknown.
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
                "divergence 0; take samples of 2 or more, or kl_reference='clean'.",
                stacklevel=4,
            )


def check_parts(optimizer: Any, network: Any, tasks: Mapping[str, Task], turns: Turns, box: Box) -> None:
    """Refuse parts that cannot take turns, and warn of a divergence that is always 0.

    Raises:
        TypeError: if the optimizer is no group of ``OptimizerGroup.per_share``, or the network has no shares.
        ValueError: if a task has no probabilities to take the divergence of.
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
            f"CooperativeTrainer: expected a network that knows each task's share, but got {type(network).__name__}; take a "
            "split network (network_split)."
        )
    if turns.kl_weight:
        for task in tasks.values():
            log_outcomes(torch.zeros(1, 1), task.activation)  # refuses what makes no probabilities
        if box.bound is None:
            warnings.warn(
                "kl_weight has no effect without noise (bound=None), but for what dropout changes; take kl_weight=0.",
                stacklevel=3,
            )
