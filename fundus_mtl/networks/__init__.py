"""Networks: ``forward(image, tasks=None) -> {task name: logits}``."""

from fundus_mtl.networks._pretrained import load_vgg_encoder
from fundus_mtl.networks._vgg_unet import VGGUNet

__all__ = ["VGGUNet", "load_vgg_encoder"]
