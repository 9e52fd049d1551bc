"""From the tasks' losses to the one number that is differentiated."""

from fundus_mtl.weighting._sum import Sum

__all__ = ["Sum"]
