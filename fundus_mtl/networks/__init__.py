"""Networks: ``forward(image, tasks=None) -> {task name: logits}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.networks._cross_stitch_unet import CrossStitchUNet
    from fundus_mtl.networks._efficient_unet import EfficientUNet
    from fundus_mtl.networks._efficient_weights import load_efficient_encoder
    from fundus_mtl.networks._lenet import LeNet
    from fundus_mtl.networks._load_frozen import load_frozen
    from fundus_mtl.networks._load_weights import load_weights
    from fundus_mtl.networks._mtan_unet import MTANUNet, SplitMTANUNet
    from fundus_mtl.networks._mti_unet import MTIUNet, SplitMTIUNet
    from fundus_mtl.networks._nddr_unet import NDDRUNet
    from fundus_mtl.networks._one_tensor import OneTensorNetwork
    from fundus_mtl.networks._pretrained import load_vgg_encoder
    from fundus_mtl.networks._resnet_unet import ResNetUNet, SplitResNetUNet
    from fundus_mtl.networks._resnet_weights import load_resnet_encoder
    from fundus_mtl.networks._split_lenet import SplitLeNet
    from fundus_mtl.networks._split_unet import SplitUNet
    from fundus_mtl.networks._unet import UNet
    from fundus_mtl.networks._vgg_unet import VGGUNet
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "CrossStitchUNet",
    "EfficientUNet",
    "LeNet",
    "MTANUNet",
    "MTIUNet",
    "NDDRUNet",
    "OneTensorNetwork",
    "ResNetUNet",
    "SplitLeNet",
    "SplitMTANUNet",
    "SplitMTIUNet",
    "SplitResNetUNet",
    "SplitUNet",
    "UNet",
    "VGGUNet",
    "load_efficient_encoder",
    "load_frozen",
    "load_resnet_encoder",
    "load_vgg_encoder",
    "load_weights",
]
