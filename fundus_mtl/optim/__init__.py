"""Optimizers for several tasks."""

from fundus_mtl.optim._effective_rate import effective_rate
from fundus_mtl.optim._mao import MAO
from fundus_mtl.optim._optimizer_group import OptimizerGroup
from fundus_mtl.optim._part_optimizer import PartOptimizer

__all__ = ["MAO", "OptimizerGroup", "PartOptimizer", "effective_rate"]
