"""Measure how the tasks share a training: gradients, contributions to the update, conflicts; per layer and over time.

Source: Hervella et al., Multi-Adaptive Optimization, sections 5.2.6 and 5.2.7, Figs. 4 and 5.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from fundus_mtl.figures import layers_of_training, save_figure, steps_of_training
from fundus_mtl.handlers._balance_measure import Balance, layer_names
from fundus_mtl.handlers._balance_probe import Pull, Rate, take_pull, weigh_pull
from fundus_mtl.handlers._balance_table import BalanceTable
from fundus_mtl.handlers._ending import on_end
from fundus_mtl.handlers._run_handler import RunHandler
from fundus_mtl.optim import effective_rate


class TaskBalance:
    r"""Measure every task's gradient at some steps of a training; write tables and figures, and log to the run.

    Works for every `MultiTaskTrainer`. Before a measured step, it runs an additional forward pass and one backward pass per
    task, all at the same weights, and restores all state: on a CPU, a training with this handler is bit-identical to one
    without it. A measured iteration costs one forward and K backward passes more, and the memory of K gradients of the
    network.

    A contribution is :math:`|\eta\, c_i|`: :math:`c_i` is the part of the task's gradient that the method includes in the
    update (the trainer's ``contributions``), :math:`\eta` the effective learning rate. Both are computed after the step,
    when Adam's denominator contains the gradient; otherwise the first gradient of a weight would seem huge. (A rule with
    random numbers uses its next random numbers.)

    * The values of a task without a label in the batch are unknown at that step. A parameter is shared by labelled tasks.
    * With several processes, the first one measures, on its own batch.

    Writes ``balance.csv`` and ``balance_steps.csv`` (`BalanceTable`) after every epoch, ``balance_layers.png`` and
    ``balance_steps.png`` at the end, also after a failure. A resumed training continues the existing tables.

    Args:
        output_dir: output folder; created if it does not exist.
        interval: interval of the measurements in iterations; the first iteration is always measured.
        run: run that logs ``balance_gradient_norm_<task>``, ``balance_gradient_mean_<task>``,
            ``balance_contribution_<task>``, ``balance_cosine_<one>_<other>`` and ``balance_conflict_rate``. Attach it to the
            trainer *after* this handler, so that the figures exist when it copies the artifacts of a failed training.
        rate: function from optimizer, task and parameter to the effective learning rate; None or NaN if unknown.

    Raises:
        ValueError: if the interval is not positive.
    """

    def __init__(
        self,
        output_dir: str | Path,
        interval: int = 50,
        run: RunHandler | None = None,
        rate: Rate = effective_rate,
    ) -> None:
        if interval < 1:
            raise ValueError(f"interval: expected at least 1 iteration, but got {interval}.")
        self.output_dir = Path(output_dir)
        self.interval = interval
        self.run = run
        self.rate = rate
        self.table = BalanceTable(output_dir)
        self._pull: Pull | None = None
        self._drawn = True

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        if getattr(engine.state, "rank", 0) > 0:
            return
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_STARTED, self.iteration_started)
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self.model_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.table.write)
        engine.add_event_handler(Events.COMPLETED, self.write)
        on_end(engine, lambda _: self.write(engine))

    def start(self, engine: Engine) -> None:
        """Discard the tables of an earlier training, or continue those of a resumed one."""
        self.table.restart(engine.state.iteration)
        self._pull = None

    def iteration_started(self, engine: Engine) -> None:
        """Compute the gradients before the first and every n-th step."""
        if (engine.state.iteration - 1) % self.interval == 0:
            self._pull = take_pull(engine, engine.state.batch)

    def model_completed(self, engine: Engine) -> None:
        """Add and log the measurement of a step, before a schedule changes the learning rate."""
        if self._pull is None:
            return
        balance = weigh_pull(engine, self._pull, self.rate)
        self._pull = None
        self.table.add(engine.state.iteration, balance)
        self._drawn = False
        if self.run is not None:
            numbers = {f"balance/{name}": number for name, number in balance.numbers().items()}
            self.run.keep(numbers, engine.state.iteration)

    def measure(self, engine: Any, batch: Any = None) -> Balance:
        """Return a measurement without a step; it is not added to the tables, and the training is not changed.

        The contributions are those with the current state of method and optimizer.

        Args:
            engine: trainer.
            batch: batch as the trainer's data loader returns it; by default the current batch of the trainer.
        """
        return weigh_pull(engine, take_pull(engine, engine.state.batch if batch is None else batch), self.rate)

    def write(self, engine: Any) -> None:
        """Write tables and figures if there are new measurements."""
        if self._drawn:
            return
        self.table.write()
        self._drawn = True
        layers, steps = self.table.layers, self.table.steps
        if layers.empty:  # no batch had a label
            return
        order = layer_names([name for name, _ in engine.network.named_parameters()])
        save_figure(layers_of_training(layers, order), self.output_dir / "balance_layers.png")
        save_figure(
            steps_of_training(steps, list(dict.fromkeys(layers["task"]))), self.output_dir / "balance_steps.png"
        )
