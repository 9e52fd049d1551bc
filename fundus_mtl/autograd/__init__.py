"""Gradients per task: computed one task at a time, grouped by sharing tasks, combined in place.

A parameter is *shared* by the tasks whose losses reach it. Autograd decides this, not the module's name: a loss that
does not reach a parameter has the gradient ``None``. In the U-Net four tasks share the encoder and three of them the
decoder.
"""

from fundus_mtl.autograd._last_shared import last_shared
from fundus_mtl.autograd._rows import as_matrix, as_tensors, combine, rows_of
from fundus_mtl.autograd._task_gradients import Gradients, assign_grad, sharing_groups, task_gradients

__all__ = [
    "Gradients",
    "as_matrix",
    "as_tensors",
    "assign_grad",
    "combine",
    "last_shared",
    "rows_of",
    "sharing_groups",
    "task_gradients",
]
