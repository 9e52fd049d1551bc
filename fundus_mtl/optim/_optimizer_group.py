"""Several optimizers behind one ``Optimizer`` interface, for methods with one optimizer per task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from fundus_mtl.optim._effective_rate import effective_rate


class OptimizerGroup(Optimizer):
    """A group of named optimizers that behaves like one optimizer.

    Schedulers, loggers and checkpoints can use it as an ``Optimizer``: ``param_groups`` contains the members' own
    groups, so that a scheduler changes the learning rate of every member.

    Members may share parameters (in MTL-IO the Adam of every task updates the whole network). Decoupled weight decay
    then acts on a shared weight once per member that steps it, K times per iteration.

    Args:
        optimizers: ``{name: optimizer}``, stepped in this order.

    Raises:
        ValueError: if ``optimizers`` is empty.
    """

    def __init__(self, optimizers: Mapping[str, Optimizer]) -> None:
        if not optimizers:
            raise ValueError("OptimizerGroup: expected at least one optimizer, but got none.")
        # Optimizer.__init__ raises for a parameter in two groups, which is intended here. Of the attributes that it
        # sets, schedulers need only `defaults`.
        self.optimizers = dict(optimizers)
        self.defaults = dict(next(iter(self.optimizers.values())).defaults)
        for optimizer in self.optimizers.values():
            optimizer.register_step_post_hook(self._note_step)

    @classmethod
    def per_task(
        cls,
        tasks: Iterable[Any],
        parameters: Iterable[Tensor | Mapping[str, Any]],
        optimizer: Callable[[Iterable[Any]], Optimizer],
    ) -> OptimizerGroup:
        """Build one optimizer per task, each over all parameters.

        Args:
            tasks: Objects with a ``name``.
            parameters: Parameters of the network, or groups of them.
            optimizer: Function from parameters to an optimizer, for example ``partial(torch.optim.Adam, lr=1e-4)``.
        """
        parameters = list(parameters)
        # Each optimizer needs its own groups, or a schedule would change a shared one once per task.
        return cls({task.name: optimizer([_copied(entry) for entry in parameters]) for task in tasks})

    @classmethod
    def per_share(
        cls,
        tasks: Iterable[Any],
        network: Any,
        optimizer: Callable[[Iterable[Tensor]], Optimizer],
        warm_up: Callable[[Iterable[Tensor]], Optimizer] | None = None,
    ) -> OptimizerGroup:
        """Build one optimizer per task over its own parameters, and one named ``all`` over all parameters.

        Args:
            tasks: Objects with a ``name``.
            network: Network whose ``task_parameters(name)`` returns the task's share of the encoder, and its decoder
                and head.
            optimizer: Function from parameters to an optimizer.
            warm_up: Function that builds the optimizer ``all``; default: ``optimizer``.

        Raises:
            ValueError: if a task is named ``all``.
        """
        names = [task.name for task in tasks]
        if "all" in names:
            raise ValueError(
                "per_share: expected no task named all, which is the member for the warm-up; rename the task."
            )
        owned = {name: [p for part in network.task_parameters(name) for p in part] for name in names}
        everything = [parameter for parameters in owned.values() for parameter in parameters]
        return cls({"all": (warm_up or optimizer)(everything)} | {name: optimizer(owned[name]) for name in names})

    def _note_step(self, *_: Any) -> None:
        # Schedulers warn if they step before their optimizer. A step of a member counts as a step of the group.
        self._opt_called = True

    def __getitem__(self, name: str) -> Optimizer:
        return self.optimizers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizers)

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The members' own parameter groups, in order; a change to one changes its member."""
        return [group for optimizer in self.optimizers.values() for group in optimizer.param_groups]

    @property
    def state(self) -> dict[str, Any]:  # type: ignore[override]
        """The members' states by name."""
        return {name: optimizer.state for name, optimizer in self.optimizers.items()}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of all members."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=set_to_none)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step every member in order."""
        if closure is not None:
            raise ValueError("OptimizerGroup: expected no closure, but got one; its members step on stored gradients.")
        for optimizer in self.optimizers.values():
            optimizer.step()

    def effective_rate(self, task: str, parameter: Tensor) -> Tensor | float:
        """Return the rate of the task's own optimizer at a parameter; see ``optim.effective_rate``.

        Raises:
            KeyError: if no member has the task's name.
        """
        return effective_rate(self[task], task, parameter)

    def state_dict(self) -> dict[str, Any]:
        """Return the members' states by name."""
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore the members' states.

        Raises:
            KeyError: if the names differ.
        """
        if set(state_dict) != set(self.optimizers):
            raise KeyError(
                f"OptimizerGroup: expected the state of {sorted(self.optimizers)}, but got {sorted(state_dict)}; resume "
                "with the tasks and the method that the checkpoint was written with."
            )
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state_dict[name])


def _copied(entry: Tensor | Mapping[str, Any]) -> Tensor | dict[str, Any]:
    return dict(entry) if isinstance(entry, Mapping) else entry
