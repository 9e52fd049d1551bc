"""Gradients per task: taken one by one, grouped by who shares what, combined in place.

A parameter is *shared* by the tasks whose losses reach it, and reaching is asked of autograd (a gradient that is ``None``
has not arrived), never of a module's name: four tasks share the U-Net's encoder, and three of them its decoder.
"""

from fundus_mtl.autograd._last_shared import last_shared
from fundus_mtl.autograd._rows import as_matrix, as_tensors, combine, gram, rows_of
from fundus_mtl.autograd._task_gradients import Gradients, assign_grad, sharing_groups, task_gradients

__all__ = [
    "Gradients",
    "as_matrix",
    "as_tensors",
    "assign_grad",
    "combine",
    "gram",
    "last_shared",
    "rows_of",
    "sharing_groups",
    "task_gradients",
]
