"""The U-Net as MT-COOL trains it."""

from __future__ import annotations

from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet


class SplitUNet(SplitNetwork, UNet):
    r"""A ``UNet`` in which each task owns a share of every encoder layer: same arguments, same number of parameters.

    :math:`\theta_i` is task i's share of each convolution of the encoder, bottom included, with its batch norm;
    :math:`\phi_i` is its decoder and head. All decoders read all shares' features. The loss of a classifier that reads a
    segmentation also reaches that segmentation's :math:`\phi`, but a cooperative step on the classifier moves only its own.
    """
