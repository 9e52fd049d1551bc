"""MAO: an optimizer with Adam's moments per task and parameter that adds up the steps of the tasks.

Source: Hervella, Rouco, Novo, Ortega, Multi-Adaptive Optimization for multi-task learning with deep neural networks,
Neural Networks 2024, section 4, equations 7-12.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from fundus_mtl.optim._effective_rate import group_of
from fundus_mtl.optim._mao_formula import advance, check, check_momentum, denominators, rate, step_size
from fundus_mtl.optim._update_buffer import UpdateBuffer


class MAO(Optimizer):
    r"""Step by :math:`\Delta\theta = -\eta \sum_n \hat m_n / (\sqrt{\hat v_n} + \epsilon) - \eta \lambda \theta`.

    :math:`m_n, v_n` are Adam's moments of the gradient of task :math:`n`. In each iteration call ``accumulate`` for
    every task, then ``step``. ``accumulate`` updates the task's moments at once and adds its step to one buffer, so
    that no gradient is kept. Gradients must be finite and without AMP's scale; ``p.grad`` is not used.

    If a task does not reach a parameter (``None``), its moments there do not change. The step counter, the paper's
    :math:`t`, is common to all parameters. With one task the result equals ``torch.optim.AdamW``, bit for bit on the
    CPU, if all parameters are reached in the same steps (AdamW counts steps per parameter). Learning rates are read
    when a task is accumulated. Weight decay is applied once per step, to the parameters that a task reached.

    Two defaults differ from the paper and can be switched back. Eq. 10 corrects the bias by
    :math:`(1-\beta_2^t)/(1-\beta_1^t)`, without Adam's square root. Eq. 8 has :math:`\epsilon` inside the root, which
    acts as a floor of 1e-4 under all gradients.

    Args:
        params: Tensors, or parameter groups with their own arguments.
        lr: :math:`\eta`. Each task's step has about this size, so K tasks step up to K times as far as one.
        betas: Decay of the moments. ``None`` as the first selects Eq. 9: the gradient instead of its running mean,
            without bias correction.
        eps: :math:`\epsilon`, in units of the gradient.
        weight_decay: :math:`\lambda`, decoupled.
        eps_inside: Whether to divide by :math:`\sqrt{\hat v + \epsilon}` (Eq. 8); ``eps`` is then in units of the
            squared gradient.
        reduction: ``mean`` divides by the number of tasks that reached the parameter in this step.
        bias_correction: ``printed`` uses Eq. 10 as printed, with an uncorrected :math:`v` in the denominator.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float | None, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        eps_inside: bool = False,
        reduction: Literal["sum", "mean"] = "sum",
        *,
        bias_correction: Literal["adam", "printed"] = "adam",
    ) -> None:
        # Every group stores the common step counter, because copies, pickles and checkpoints keep the groups.
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "step": 0}
        defaults |= {"eps_inside": eps_inside, "reduction": reduction, "bias_correction": bias_correction}
        self._staged = UpdateBuffer()
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or loaded state; gradients accumulated since the last step are discarded."""
        super().__setstate__(state)
        self._staged = UpdateBuffer()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group; missing arguments take the optimizer's defaults."""
        check({**self.defaults, **param_group})
        super().add_param_group(param_group)
        self.param_groups[-1]["step"] = self.param_groups[0]["step"]

    @torch.no_grad()
    def accumulate(self, task: Hashable, gradients: Sequence[Tensor | None]) -> None:
        """Update the moments of a task with its gradients, and add its step to the buffer.

        Args:
            task: Any hashable key; a string, a number or a tuple of them if the state is to be saved.
            gradients: One gradient per parameter, in the order of the groups; ``None`` where the task does not reach
                the parameter.

        Raises:
            ValueError: if the gradients do not match the parameters, or the task was already accumulated in this step.
        """
        if task in self._staged.tasks:
            raise ValueError(f"MAO: expected task {task} once per step, but got it twice; call step() in between.")
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        if len(gradients) != len(parameters):
            raise ValueError(f"gradients of {task}: expected {len(parameters)}, but got {len(gradients)}.")
        reached = {p: g for p, g in zip(parameters, gradients, strict=True) if g is not None}
        for p, g in reached.items():
            if g.shape != p.shape:
                raise ValueError(f"gradients of {task}: expected shape {tuple(p.shape)}, but got {tuple(g.shape)}.")
        self._staged.tasks.add(task)
        for group in self.param_groups:
            if held := [p for p in group["params"] if p in reached]:
                self._add(task, group, held, [reached[p] for p in held])

    def _add(self, task: Hashable, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor]) -> None:
        check_momentum(group, self.defaults)
        t = group["step"] + 1
        moments = [self.state[parameter].setdefault(task, {}) for parameter in parameters]
        means, squares = advance(moments, gradients, group)
        self._staged.add(parameters, means, denominators(group, t, squares), step_size(group, t))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Apply the accumulated steps. If no parameter was reached, do nothing and do not count a step.

        Raises:
            ValueError: if a closure is passed.
        """
        if closure is not None:
            raise ValueError("MAO: expected no closure, but got one; it steps on accumulated gradients.")
        for group in self.param_groups:
            self._staged.apply(group)
            group["step"] += bool(self._staged)
        self._staged = UpdateBuffer()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a copy of what ``state_dict`` returned, on the devices and in the types of the parameters.

        Raises:
            ValueError: if the state belongs to another type of optimizer, or the groups differ.
        """
        if not all("step" in group for group in state_dict["param_groups"]):
            raise ValueError("MAO: expected its own state, but got another optimizer's; resume with the same method.")
        # Without the copy, two optimizers loaded from one state would share their moments.
        super().load_state_dict({**state_dict, "state": deepcopy(state_dict["state"])})

    @torch.no_grad()
    def effective_rate(self, task: Hashable, parameter: Tensor) -> Tensor | float:
        """See ``optim.effective_rate``; with ``reduction="mean"`` divided by the number of tasks that reached it."""
        group = group_of(self, parameter)
        if group is None:
            return 0.0
        tasks = self.state.get(parameter, {})
        t = group["step"] + (task in self._staged.tasks)
        if task not in tasks or t == 0:
            return math.nan
        share = len(tasks) if group["reduction"] == "mean" else 1
        return rate(group, t) / share / denominators(group, t, [tasks[task]["exp_avg_sq"]])[0]
