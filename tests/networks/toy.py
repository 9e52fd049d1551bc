"""Tasks for the U-Nets, and a split network's tensors as the plain network has them."""

from __future__ import annotations

import re

import pytest
import torch

from fundus_mtl.networks import SplitUNet, UNet
from fundus_mtl.tasks import Task

DISC_CUP = Task("segmentation", 2, "segmentation", None)
GLAUCOMA = Task("glaucoma", 1, "classification", None)
FOVEA = Task("fovea", 1, "heatmap", None, "none")
VESSELS = Task("vessels", 3, "segmentation", None, "softmax")
TASKS = [DISC_CUP, GLAUCOMA, FOVEA, VESSELS]
SMALL = {"width": 4, "depth": 2}
owners = pytest.mark.parametrize("tasks", [TASKS[:k] for k in (1, 2, 3, 4)], ids=len)
both = pytest.mark.parametrize("network_class", [UNet, SplitUNet])


def joined(tensors):
    """``…shares.0.weight`` of the plain network is ``…shares.0.weight``, ``…shares.1.weight`` … one after the other."""
    groups = {}
    for name, tensor in tensors.items():
        groups.setdefault(re.sub(r"shares\.\d+", "shares.0", name), []).append(tensor)
    return {name: torch.cat(parts) if parts[0].ndim else parts[0] for name, parts in groups.items()}


def gradients(network):
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def count(parameters):
    return sum(parameter.numel() for parameter in parameters)
