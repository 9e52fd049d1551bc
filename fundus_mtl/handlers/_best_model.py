"""Save the best weights, record which epoch they are from, and compare with the best ones also after a resume.

Avoids two errors of MONAI 1.6.1: the ``state_dict`` of an engine does not contain ``best_metric``, so that the first epoch
after a resume overwrites a better model; and a first key metric of NaN stays the best one, because no number is greater.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import Trainer
from torch import nn

from fundus_mtl.files import file_sha256, whole_file, write_whole
from fundus_mtl.handlers._step_cost import Keeper

_logger = logging.getLogger(__name__)
_BEST = ("best_metric", "best_metric_epoch")


class BestModelSaver:
    """Save the weights of the network whenever the evaluator's key metric is the best so far.

    The file is replaced atomically. Of equal key metrics, the first is the best. As long as all key metrics are NaN, the
    latest weights are saved with a warning; the first number is then the best one. Only the first process writes.

    Which epoch was kept, by which rule and with which value, is written to ``recipe.json`` (``kept``), logged when the
    training ends, and sent to the run: ``kept/epoch`` and ``kept/<metric>`` for every metric ``val/<metric>`` of the
    evaluator, with the kept epoch as their step.

    Args:
        network: network whose ``state_dict`` is saved.
        path: path of the file, for example ``models/model.pt`` in the bundle; its folder is created.
        recipe: settings of the training as JSON text; written to ``recipe.json`` beside the weights, with their SHA-256,
            so that inference can use the same settings and check the weights. None for no such file.
        half: whether to save parameters in half precision, for a small file; statistics of batch norms keep theirs.
        rule: name of the rule that the key metric stands for, such as ``losses``; only recorded.
        run: run that logs the metrics of the kept epoch; None to log none.

    Raises:
        ValueError: on saving, if a parameter is too large for half precision.
    """

    def __init__(
        self,
        network: nn.Module,
        path: str | Path,
        recipe: str | None = None,
        half: bool = False,
        rule: str | None = None,
        run: Keeper | None = None,
    ) -> None:
        self.network = network
        self.path = Path(path)
        self.half = half
        self.recipe = None if recipe is None else json.loads(recipe)
        self.rule = rule
        self.run = run
        self._evaluator: Engine | None = None

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator, and optionally also with the trainer to log which epoch was kept.

        Raises:
            ValueError: if the evaluator has no key metric.
        """
        if engine.state.rank > 0:
            return
        if isinstance(engine, Trainer):
            engine.add_event_handler(Events.COMPLETED, self._report)
            return
        if getattr(engine.state, "key_metric_name", None) is None:
            raise ValueError("expected an evaluator with a key metric, but got none; set key_val_metric.")
        self._evaluator = engine
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save_if_best)

    def _save_if_best(self, engine: Engine) -> None:
        state = engine.state
        known = _is_known(state)
        if known and state.best_metric_epoch != state.epoch:
            return
        if not known:
            engine.logger.warning(f"{state.key_metric_name} was never a number: the latest weights are saved.")
            state.best_metric_epoch = -1  # MONAI's value for "none yet", after which any number is the best
        best = float(state.best_metric) if known else None
        self.save({"epoch": state.epoch, "rule": self.rule, state.key_metric_name.replace("/", "_"): best})
        if self.run is not None:
            kept = {f"kept/{name.removeprefix('val/')}": value for name, value in state.metrics.items()}
            self.run.keep({"kept/epoch": state.epoch} | kept, state.epoch)

    def save(self, kept: Mapping[str, Any] | None = None) -> None:
        """Write the weights.

        Args:
            kept: plain values for ``kept`` in ``recipe.json``, such as the epoch; None to leave it out.
        """
        with whole_file(self.path) as partial:
            torch.save(_halved(self.network) if self.half else self.network.state_dict(), partial)
        if self.recipe is not None:
            record = {"recipe": self.recipe, "weights": {self.path.name: file_sha256(self.path)}}
            record |= {} if kept is None else {"kept": dict(kept)}
            write_whole(self.path.with_name("recipe.json"), json.dumps(record, indent=2) + "\n")

    def _report(self, trainer: Engine) -> None:
        """Log which epoch was kept; nothing if no epoch was validated."""
        if self._evaluator is None or not (state := self._evaluator.state).epoch:
            return
        epoch, value = (
            (state.best_metric_epoch, float(state.best_metric)) if _is_known(state) else (state.epoch, math.nan)
        )
        rule = "" if self.rule is None else f", selection by {self.rule}"
        _logger.info(
            "%s has the weights of epoch %d of %d: %s %.4f%s.",
            self.path.name,
            epoch,
            trainer.state.epoch,
            state.key_metric_name,
            value,
            rule,
        )


def _is_known(state: Any) -> bool:
    """Return whether the key metric was a number in at least one epoch."""
    return state.best_metric_epoch != -1 and not math.isnan(float(state.best_metric))


def _halved(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state of a network with its parameters in half precision."""
    parameters = {name for name, _ in network.named_parameters()}
    halved = {name: value.half() if name in parameters else value for name, value in network.state_dict().items()}
    if large := [name for name, value in halved.items() if not bool(value.isfinite().all())]:
        raise ValueError(f"{large[0]}: expected values up to 65504, but got larger ones; save them with half: false.")
    return halved


def keep_best_metric(engine: Engine) -> Engine:
    """Add the best metric and its epoch to an engine's ``state_dict``, as plain numbers.

    Args:
        engine: engine of MONAI; a second call for the same engine has no effect.

    Returns:
        The same engine, for configs such as ``evaluator: $keep_best_metric(@validate::evaluator)``.
    """
    if not set(_BEST) <= set(engine.state_dict_user_keys):
        engine.state_dict_user_keys.extend(_BEST)
        engine.add_event_handler(Events.EPOCH_COMPLETED, _as_plain_numbers)
    return engine


def _as_plain_numbers(engine: Any) -> None:
    """Convert NumPy and tensor values to floats, because ``torch.load(weights_only=True)`` would not load them."""
    engine.state.best_metric = float(engine.state.best_metric)
    engine.state.best_metric_epoch = int(engine.state.best_metric_epoch)
