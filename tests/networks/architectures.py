"""The architectures over the blocks of the U-Net, each with its version for MT-COOL."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.networks import (
    CrossStitchUNet,
    MTANUNet,
    MTIUNet,
    NDDRUNet,
    SplitMTANUNet,
    SplitMTIUNet,
    SplitUNet,
    UNet,
)
from tests.networks.toy import TASKS

# Whole and split version; in networks with soft sharing every weight has an owner anyway.
ARCHITECTURES = {
    "cross_stitch": (CrossStitchUNet, CrossStitchUNet),
    "mtan": (MTANUNet, SplitMTANUNet),
    "mti_net": (MTIUNet, SplitMTIUNet),
    "nddr": (NDDRUNet, NDDRUNet),
    "unet": (UNet, SplitUNet),
}
ALL = {network_class.__name__: network_class for pair in ARCHITECTURES.values() for network_class in pair}
each_architecture = pytest.mark.parametrize("network_class", ALL.values(), ids=ALL)
each_split = pytest.mark.parametrize(
    "network_class", [split for _, split in ARCHITECTURES.values()], ids=list(ARCHITECTURES)
)


def assert_partial_pass(network: torch.nn.Module, image: torch.Tensor, asked: tuple[str, ...]) -> None:
    """Check that asking for some tasks gives the answers of asking for all, and runs only the heads that are needed.

    Args:
        network: Network of ``TASKS`` in evaluation mode; its task ``glaucoma`` reads the answer of ``segmentation``.
        image: Image, ``(N, C, H, W)``.
        asked: Names of the tasks.
    """
    everything = network(image)
    ran: list[str] = []
    for name, module in network.heads.items():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    answers = network(image, tasks=asked)
    assert list(answers) == [task.name for task in TASKS if task.name in asked]
    assert sorted(ran) == sorted({*asked, *(["segmentation"] if "glaucoma" in asked else [])})
    assert_close(answers, {name: everything[name] for name in answers})
