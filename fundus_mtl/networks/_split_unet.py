"""U-Net whose encoder is divided among the tasks, for MT-COOL."""

from __future__ import annotations

from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet


class SplitUNet(SplitNetwork, UNet):
    r"""A ``UNet`` in which each task owns a share of every encoder layer: same arguments, same number of parameters.

    :math:`\theta_i` is task i's share of each encoder convolution, including the bottom level, with its batch norm.
    :math:`\phi_i` is its decoder and head. Every decoder uses the features of all shares. The loss of a classifier that
    uses a segmentation also reaches the :math:`\phi` of that segmentation, but a cooperative step on the classifier
    updates only the classifier's own parameters.
    """
