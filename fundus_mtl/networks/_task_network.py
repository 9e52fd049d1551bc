"""Base classes of networks for several tasks: an encoder, and a decoder and head per task."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import nn

from fundus_mtl.networks._owned_layer import OwnedLayer
from fundus_mtl.tasks import Task


class TaskNetwork(nn.Module):
    """A network with an ``encoder`` and one module per task in ``heads``; subclasses build both.

    Args:
        tasks: Tasks, one head each, in order.

    Raises:
        ValueError: if ``tasks`` is empty, or two tasks have the same name.
    """

    encoder: nn.Module
    heads: nn.ModuleDict

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        names = [task.name for task in tasks]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{type(self).__name__}: expected tasks with different names, but got {names}.")
        self.tasks = tuple(tasks)

    @property
    def owners(self) -> int:
        """Number of shares that each encoder layer is divided into."""
        return 1

    def _wanted(self, names: Collection[str] | None) -> list[Task]:
        known = [task.name for task in self.tasks]
        if unknown := sorted(set(names or ()) - set(known)):
            raise KeyError(f"{type(self).__name__}: expected tasks among {known}, but got {unknown}.")
        return [task for task in self.tasks if names is None or task.name in names]


class SplitNetwork(TaskNetwork):
    """A network in which every task owns a share of each encoder layer, so that each task can be trained separately."""

    @property
    def owners(self) -> int:
        """One share per task."""
        return len(self.tasks)

    def task_parameters(self, name: str) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        r"""Return the parameters of a task, :math:`(\theta_i, \phi_i)`, always in the same order.

        Every parameter belongs to exactly one task. Buffers (running statistics) belong to no task.

        Args:
            name: Name of the task.

        Returns:
            The parameters of the task's share of the encoder, and those of its decoder and head.

        Raises:
            KeyError: if the network has no task of this name.
        """
        (task,) = self._wanted([name])
        theta, phi = self._share(task)
        return [p for part in theta for p in part.parameters()], [p for part in phi for p in part.parameters()]

    def _share(self, task: Task) -> tuple[list[nn.Module], list[nn.Module]]:
        """Return the modules of a task: of its share of the encoder, and its decoder and head."""
        owner = self.tasks.index(task)
        layers = [module for module in self.modules() if isinstance(module, OwnedLayer)]
        return [layer.shares[owner] for layer in layers], [self.heads[task.name]]
