"""Networks: ``forward(image, tasks=None) -> {task name: logits}``."""

from fundus_mtl.networks._efficient_unet import EfficientUNet
from fundus_mtl.networks._efficient_weights import load_efficient_encoder
from fundus_mtl.networks._lenet import LeNet
from fundus_mtl.networks._pretrained import load_vgg_encoder
from fundus_mtl.networks._split_lenet import SplitLeNet
from fundus_mtl.networks._split_unet import SplitUNet
from fundus_mtl.networks._unet import UNet
from fundus_mtl.networks._vgg_unet import VGGUNet

__all__ = [
    "EfficientUNet",
    "LeNet",
    "SplitLeNet",
    "SplitUNet",
    "UNet",
    "VGGUNet",
    "load_efficient_encoder",
    "load_vgg_encoder",
]
