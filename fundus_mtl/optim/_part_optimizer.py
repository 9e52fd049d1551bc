"""Settings of an optimizer that differ between the parts of a network, such as a lower rate for a pretrained encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

REST = "rest"


class PartOptimizer:
    """Make an optimizer whose parameters are grouped by the part of the network that they belong to.

    It stands where a method expects a function from parameters to an optimizer, so that every method can use it. The
    bundles build one from the item ``part_settings``. A schedule that sets rates needs one per group. In YAML::

        part_settings: {encoder: {lr: 5.0e-4}}
        lr_scheduler:
          _target_: torch.optim.lr_scheduler.OneCycleLR
          optimizer: '@optimizer'
          max_lr: "$[group['lr'] for group in @optimizer.param_groups]"

    Each group has a ``name``: the part's, or ``rest``. Without parts the groups are those that were given.

    Args:
        optimizer: Makes an optimizer from groups of parameters.
        network: Whose parts are named.
        parts: ``{name of a submodule: settings of its group}``. The other parameters form the group ``rest``; it has the
            optimizer's own settings unless ``rest`` is given here too. A parameter of two parts belongs to the first.

    Raises:
        ValueError: if the network has no such part.
    """

    def __init__(
        self,
        optimizer: Callable[[Iterable[Any]], Optimizer],
        network: nn.Module,
        parts: Mapping[str, Mapping[str, Any]],
    ) -> None:
        known = [name for name, _ in network.named_modules() if name]
        if unknown := sorted(set(parts) - {*known, REST}):
            raise ValueError(
                f"PartOptimizer: expected parts among the network's modules, such as {known[0]}, but got {unknown}."
            )
        self.optimizer = optimizer
        self.settings = {name: dict(settings) for name, settings in parts.items()}
        self._part_of: dict[Tensor, str] = {}
        for name in parts:
            if name != REST:
                for parameter in network.get_submodule(name).parameters():
                    self._part_of.setdefault(parameter, name)

    def __call__(self, parameters: Iterable[Tensor | Mapping[str, Any]]) -> Optimizer:
        """Return the optimizer.

        Args:
            parameters: Tensors, or groups of them (``{"params": [...], ...}``), whose own settings come first.
        """
        return self.optimizer(self.groups(parameters))

    def groups(self, parameters: Iterable[Tensor | Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the groups of some parameters.

        Args:
            parameters: Tensors, or groups of them (``{"params": [...], ...}``), whose own settings come first.
        """
        given = list(parameters)
        groups = given if given and isinstance(given[0], Mapping) else [{"params": given}]
        return [part for group in groups for part in self._split(dict(group))]

    def _split(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        if not self.settings:
            return [group]
        members: dict[str, list[Tensor]] = {name: [] for name in (*self.settings, REST)}
        for parameter in group.pop("params"):
            members[self._part_of.get(parameter, REST)].append(parameter)
        return [
            self.settings.get(name, {}) | {"name": name} | group | {"params": tensors}
            for name, tensors in members.items()
            if tensors
        ]
