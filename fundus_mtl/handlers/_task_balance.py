"""Watch how tasks share a training: gradients, contributions to the update, conflicts; per layer and over time.

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
    r"""Measure every task's gradient at some of a training's steps; write tables and figures, log to the run.

    Works for every `MultiTaskTrainer`. Before a step it runs a forward and one backward per task of its own, all at the same
    weights, and puts everything back: a training with and without it is bit-identical on a CPU. Every n-th iteration costs
    one forward and K backwards more, and the memory of K gradients of the network while it lasts.

    A contribution is :math:`|\eta\, c_i|`: :math:`c_i` is what of the task's gradient the method lets into the update (the
    trainer's ``contributions``), :math:`\eta` the effective learning rate. Both are asked for after the step: Adam's
    denominator then knows the gradient that it divides, and without that a weight's first gradient would seem huge. (A rule
    that draws at random answers with its next draw.)

    * A task without a label in the batch is unknown at that step. A parameter is shared by those that are labelled.
    * Across ranks, the first one measures, alone, on its own batch.

    Writes ``balance.csv`` and ``balance_steps.csv`` (`BalanceTable`) after every epoch, ``balance_layers.png`` and
    ``balance_steps.png`` at the end, also after a failure. A resumed training goes on with the tables that it finds.

    Args:
        output_dir: where to write; made if need be.
        interval: in iterations; the first is always measured.
        run: gets ``balance_gradient_norm_<task>``, ``balance_gradient_mean_<task>``, ``balance_contribution_<task>``,
            ``balance_cosine_<one>_<other>`` and ``balance_conflict_rate``. Attach it to the trainer *after* this handler,
            so that it finds the figures of a failed training when it copies its artifacts.
        rate: from optimizer, task and parameter to the effective learning rate; None or NaN where it is not known.

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
        """Listen to a trainer."""
        if getattr(engine.state, "rank", 0) > 0:
            return
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_STARTED, self.iteration_started)
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self.model_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.table.write)
        engine.add_event_handler(Events.COMPLETED, self.write)
        on_end(engine, lambda _: self.write(engine))

    def start(self, engine: Engine) -> None:
        """Forget an earlier training, or go on with the tables of the one that is resumed."""
        self.table.restart(engine.state.iteration)
        self._pull = None

    def iteration_started(self, engine: Engine) -> None:
        """Take the gradients of the first and every n-th step from there."""
        if (engine.state.iteration - 1) % self.interval == 0:
            self._pull = take_pull(engine, engine.state.batch)

    def model_completed(self, engine: Engine) -> None:
        """Keep and log what the step made of the gradients, before a schedule changes the learning rate."""
        if self._pull is None:
            return
        balance = weigh_pull(engine, self._pull, self.rate)
        self._pull = None
        self.table.add(engine.state.iteration, balance)
        self._drawn = False
        if self.run is not None:
            numbers = {f"balance_{name}": number for name, number in balance.numbers().items()}
            self.run.keep(numbers, engine.state.iteration)

    def measure(self, engine: Any, batch: Any = None) -> Balance:
        """Measure now, without a step; nothing is kept, and nothing of the training moves.

        The contributions are what method and optimizer, as they are, would make of the gradients.

        Args:
            engine: the trainer.
            batch: collated, as the trainer's loader gives it; by default the one that the trainer is at.
        """
        return weigh_pull(engine, take_pull(engine, engine.state.batch if batch is None else batch), self.rate)

    def write(self, engine: Any) -> None:
        """Write tables and figures, if anything was measured since the last time."""
        if self._drawn:
            return
        self.table.write()
        self._drawn = True
        layers, steps = self.table.layers, self.table.steps
        if layers.empty:  # there was no label in any batch
            return
        order = layer_names([name for name, _ in engine.network.named_parameters()])
        save_figure(layers_of_training(layers, order), self.output_dir / "balance_layers.png")
        save_figure(
            steps_of_training(steps, list(dict.fromkeys(layers["task"]))), self.output_dir / "balance_steps.png"
        )
