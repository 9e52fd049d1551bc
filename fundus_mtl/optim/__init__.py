"""Optimizers for several tasks."""

from fundus_mtl.optim._effective_rate import effective_rate
from fundus_mtl.optim._mao import MAO
from fundus_mtl.optim._optimizer_group import OptimizerGroup

__all__ = ["MAO", "OptimizerGroup", "effective_rate"]
