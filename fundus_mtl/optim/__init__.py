"""Optimizers for several tasks."""

from fundus_mtl.optim._optimizer_group import OptimizerGroup

__all__ = ["OptimizerGroup"]
