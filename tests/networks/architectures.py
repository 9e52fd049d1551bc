"""The architectures over the blocks of the U-Net, each with its version for MT-COOL."""

from __future__ import annotations

import pytest

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
