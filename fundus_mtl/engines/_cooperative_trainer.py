"""MT-COOL: the tasks train in turn, each searching a minimum that is flat in the weights of the other tasks.

Source: MT-COOL, multi-task cooperative learning via searching flat minima, algorithm 1. No public code exists.
docs/methods.md describes the choices that the paper leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor
from torch.optim import Optimizer

from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._perturbation import Box, NoiseOn, perturbed
from fundus_mtl.engines._prepare_batch import Targets, count_labels, labelled_part
from fundus_mtl.engines._seeding import derived
from fundus_mtl.engines._turns import Reference, Turns, check_parts
from fundus_mtl.losses import divergence_from
from fundus_mtl.tasks import Task


class CooperativeTrainer(MultiTaskTrainer):
    r"""Warm up, then let each task in turn search a flat minimum.

    Let :math:`\theta_i` be task i's share of the encoder and :math:`\phi_i` its decoder and head. An iteration is

    * during warm-up, one step on :math:`\frac1M \sum_j \sum_i L_i` with new noise on all :math:`\theta` (Eq. 7);
    * afterwards, for each task in order, L steps of :math:`(\theta_i, \phi_i)` alone on
      :math:`\frac1M \sum_j [ L_i(\theta_{-i} + \epsilon_j) + \lambda KL(\hat y_j \Vert r) ]` (Eqs. 5, 6) with new noise
      :math:`\epsilon \sim U(-b, b)` on the other tasks' :math:`\theta`. After each step :math:`\theta_i` is clamped to
      the box :math:`\pm b` around its value at the start of the turn. The next task uses the new :math:`\theta_i`.

    A turn uses the samples that have the task's label, whether tasks share their samples or each has its own. A task
    whose weights are all frozen has no turn. Weights that are not updated get no gradient. Every iteration ends with
    one forward pass without noise, which gives ``pred_<task>`` and the running statistics of batch norm. Noise is drawn
    from ``(seed, iteration)`` and is the same on every rank, so that a resumed training needs no additional state. With
    mixed precision an overflow skips only the step of that task.

    The paper's "Vanilla" is ``bound=None, samples=1, kl_weight=0``; "w/o Reg" is ``kl_weight=0``.

    Args:
        *args: Arguments of ``MultiTaskTrainer``. The network must have ``task_parameters(name)``; build ``optimizer``
            with ``OptimizerGroup.per_share``.
        tasks: Tasks of the network, in the order of the turns.
        warmup_iterations: T_w, number of iterations that update all weights together.
        inner_steps: L, number of steps of a task per turn, on the same batch with new noise.
        samples: M, number of noise draws per step.
        bound: b, radius of noise and box; None for no noise and no box.
        relative: Whether b is in units of the root mean square of each weight tensor.
        noise_on: ``all`` for all weights of the shares of the encoder, ``conv`` for convolution weights only.
        kl_weight: lambda, weight of the KL term.
        kl_reference: r: ``mean`` of the M predictions, or ``clean``, the prediction without noise (one more forward
            pass).
        **kwargs: Arguments of ``MultiTaskTrainer``.

    Raises:
        TypeError: if the optimizer was not built by ``per_share``, or the network has no ``task_parameters``.
        ValueError: if a number is out of range, or a task gives no probabilities for the KL term.
    """

    def __init__(
        self,
        *args: Any,
        tasks: Sequence[Task],
        warmup_iterations: int = 0,
        inner_steps: int = 1,
        samples: int = 2,
        bound: float | None = 0.05,
        relative: bool = False,
        noise_on: NoiseOn = "all",
        kl_weight: float = 1.0,
        kl_reference: Reference = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.tasks = {task.name: task for task in tasks}
        self.turns = Turns(warmup_iterations, inner_steps, samples, kl_weight, kl_reference)
        self.box = Box(bound, relative, noise_on)
        check_parts(self.optimizer, self.network, self.tasks, self.turns, self.box)

    @property
    def optimizer_at_work(self) -> Optimizer:
        """The optimizer of all weights during warm-up, the group of all optimizers afterwards."""
        return self.optimizer["all"] if self._warms_up else self.optimizer

    @property
    def _warms_up(self) -> bool:
        return bool(self.state.iteration <= self.turns.warmup_iterations)

    def _step(self, image: Tensor, targets: Targets) -> None:
        self._noise = torch.Generator(image.device).manual_seed(derived(self.seed, 2, self.state.iteration))
        present = [name for name in self.tasks if self._labelled[name]]
        if present:
            if self._warms_up:
                self._warm_up(image, targets)
            else:
                for name in present:
                    self._take_turn(name, *labelled_part(image, targets, name))
            self.state.output[Keys.LOSS] = torch.stack([self.state.output[f"loss_{name}"] for name in present]).sum()
        with torch.no_grad():
            logits = self._run(self.network, image)
        self.state.output |= {f"pred_{name}": value for name, value in logits.items()}

    def _warm_up(self, image: Tensor, targets: Targets) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        everything = list(self.network.parameters())
        shares = [p for name in self.tasks for p in self.network.task_parameters(name)[0]]
        for _ in range(self.turns.samples):  # one at a time, because the predictions are not needed together
            logits = self._run(perturbed(self.network, self.box, everything, shares, self._noise), image)
            losses = {name: loss / self.turns.samples for name, loss in self._losses(logits, targets).items()}
            total = torch.stack(list(losses.values())).sum()
            if total.requires_grad:
                self.scaler.scale(total).backward()
            for name, loss in losses.items():
                key = f"loss_{name}"
                self.state.output[key] = self.state.output.get(key, 0) + loss.detach()
        if total.requires_grad:  # otherwise everything is frozen, and the scaler would raise for missing gradients
            self._finish_step("all")

    def _take_turn(self, name: str, image: Tensor, targets: Targets) -> None:
        theta, phi = ([p for p in part if p.requires_grad] for part in self.network.task_parameters(name))
        anchors = [p.detach().clone() for p in theta]
        for _ in range(self.turns.inner_steps):
            loss, divergence = self._objective(name, image, targets, [*theta, *phi])
            self.state.output |= {f"loss_{name}": loss.detach(), f"divergence_{name}": divergence.detach()}
            if not loss.requires_grad:  # all weights of this task are frozen
                return
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(loss + self.turns.kl_weight * divergence if self.turns.kl_weight else loss).backward()
            self._finish_step(name)
            self.box.keep_in(theta, anchors)

    def _objective(self, name: str, image: Tensor, targets: Targets, moving: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the mean loss over M noise draws, and the divergence of the predictions."""
        others = [p for other in self.tasks if other != name for p in self.network.task_parameters(other)[0]]
        answers = [
            self._run(perturbed(self.network, self.box, moving, others, self._noise), image, name)
            for _ in range(self.turns.samples)
        ]
        loss = torch.stack([self._losses(logits, targets)[name] for logits in answers]).mean()
        if not self.turns.kl_weight:
            return loss, torch.zeros_like(loss)
        clean = None
        if self.turns.kl_reference == "clean":
            with torch.no_grad():
                clean = self._run(perturbed(self.network, self.box, (), (), self._noise), image, name)[name]
        divergence = divergence_from([logits[name] for logits in answers], self.tasks[name].activation, clean)
        return loss, self._shared({name: divergence}, answers[0], targets)[name]

    def _run(self, network: Any, image: Tensor, name: str | None = None) -> dict[str, Tensor]:
        with torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits: dict[str, Tensor] = self.inferer(image, network, tasks=None if name is None else (name,))
        return logits

    def _losses(self, logits: Mapping[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        losses = self._shared(self.loss_function(logits, *targets), logits, targets)
        self._expect_finite(losses)
        for name in losses:
            self.state.output[f"labelled_{name}"] = self._labelled[name]
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        return losses

    def _shared(self, values: dict[str, Tensor], logits: Mapping[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        """Turn means over the labelled samples of this rank into means over those of all ranks."""
        if ranks.world_size() == 1:
            return values
        own = count_labels(targets)
        return ranks.share_losses({name: v for name, v in values.items() if own[name]}, logits, own, self._labelled)

    def _finish_step(self, member: str) -> None:
        self._sum_grad_over_ranks()
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        self._update(self.optimizer[member])
        self.scaler.update()
