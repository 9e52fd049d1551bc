"""Every method that the package exports, on the toy network. A new rule or weighting is tested as soon as it is exported."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial

import torch

import fundus_mtl.aggregation
import fundus_mtl.weighting
from fundus_mtl.engines import ActivationTrainer, IndependentTrainer, JointTrainer, MultiAdaptiveTrainer, SurgeryTrainer
from fundus_mtl.optim import MAO, OptimizerGroup
from tests.engines.toy import NAMES, TASKS, build

SGD = partial(torch.optim.SGD, lr=0.1)
EXPORTS = {
    "aggregation": sorted(set(fundus_mtl.aggregation.__all__) - {"GramAggregator"}),
    "weighting": sorted(fundus_mtl.weighting.__all__),
}


def upgrad():
    from torchjd.aggregation import UPGrad

    return UPGrad()


# What cannot be built without arguments.
ARGUMENTS: dict[str, Callable[[], tuple]] = {
    "TorchJD": lambda: (upgrad(),),
    "Uncertainty": lambda: (dict.fromkeys(NAMES, "regression"),),
}
RULES = [
    f"surgery-{name}" for name in EXPORTS["aggregation"] if name != "TorchJD" or importlib.util.find_spec("torchjd")
]
WEIGHTINGS = [f"joint-{name}" for name in EXPORTS["weighting"]]
ACTIVATIONS = "activations-GradDrop"
METHODS = [*RULES, *WEIGHTINGS, ACTIVATIONS, "mao", "mtl_io"]
RAW_HEADS = [*RULES, ACTIVATIONS, "joint-Sum"]  # methods whose heads get exactly their own task's gradient


def _made(package, name):
    made = getattr(package, name)(*ARGUMENTS.get(name, tuple)())
    return made.double() if isinstance(made, torch.nn.Module) else made


def cut_of(network):
    """Return the names of the modules with shared outputs: of the toys, or of an architecture."""
    if hasattr(network, "attention"):  # MTAN reads two activations of each level, and calls its levels part by part
        return [f"encoder.{level}.1" for level in range(len(network.encoder))]
    return [name for name in ("shared", "trunk", "decoder", "encoder") if hasattr(network, name)]


def make(method, network, optimizer=SGD, tasks=TASKS, **options):
    """Build a method's trainer on a network; `optimizer` is what MAO replaces and MTL-IO multiplies."""
    kind, _, name = method.partition("-")
    if kind == "surgery":
        aggregator = _made(fundus_mtl.aggregation, name)
        return build(
            SurgeryTrainer, lambda n: optimizer(n.parameters()), network=network, aggregator=aggregator, **options
        )
    if kind == "joint":
        weighting = _made(fundus_mtl.weighting, name)
        learned = list(weighting.parameters()) if isinstance(weighting, torch.nn.Module) else []
        return build(
            JointTrainer,
            lambda n: optimizer([*n.parameters(), *learned]),
            network=network,
            weighting=weighting,
            **options,
        )
    if kind == "activations":
        rule = fundus_mtl.aggregation.GradDrop()
        return build(
            ActivationTrainer,
            lambda n: optimizer(n.parameters()),
            network=network,
            aggregator=rule,
            cut=cut_of(network),
            **options,
        )
    if kind == "mao":
        return build(MultiAdaptiveTrainer, lambda n: MAO(n.parameters(), lr=0.1), network=network, **options)
    return build(
        IndependentTrainer,
        lambda n: OptimizerGroup.per_task(tasks, n.parameters(), optimizer),
        network=network,
        **options,
    )
