"""LeNet whose encoder is divided among the tasks, for MT-COOL."""

from __future__ import annotations

from fundus_mtl.networks._lenet import LeNet
from fundus_mtl.networks._task_network import SplitNetwork


class SplitLeNet(SplitNetwork, LeNet):
    r"""A ``LeNet`` in which each task owns a share of every layer's channels: same arguments, same number of parameters.

    The paper's network is "an encoder and task-specific decoders". Here the hidden layer is the last layer of the
    encoder, because every task uses it. :math:`\theta_i` is task i's share of both convolutions and of the hidden units
    (25 of 50 for two tasks); :math:`\phi_i` is its linear layer, whose input is all hidden units.
    """
