"""All rules that the package exports, found by introspection, and gradients to test them with."""

from __future__ import annotations

import inspect
import io

import torch
from torch import nn

import fundus_mtl.aggregation


class Adding(nn.Module):
    """Replacement for an aggregator of TorchJD."""

    def forward(self, matrix):
        return matrix.sum(dim=0)


NEEDED = {"TorchJD": lambda: {"aggregator": Adding()}}  # what cannot be built without arguments
VARIANTS = {
    "MAMG": [{"reading": "literal"}],
    "CAGrad": [{"c": 0.0}, {"c": 0.9, "rescale": "1+c"}, {"c": 1.5, "rescale": "none"}],
    "GradDrop": [{"leak": 0.3}],
}
EXPORTED = sorted(name for name in fundus_mtl.aggregation.__all__)
RULES = [(name, options) for name in EXPORTED for options in [{}, *VARIANTS.get(name, [])]]


def make(rule, **more):
    """Build ``(name, options)``; options the constructor does not know are dropped."""
    name, options = rule
    constructor = getattr(fundus_mtl.aggregation, name)
    known = inspect.signature(constructor).parameters
    return constructor(**NEEDED.get(name, dict)(), **options, **{k: v for k, v in more.items() if k in known})


def gradients(tasks, width=7, seed=0, dtype=torch.float64):
    return torch.randn(tasks, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
