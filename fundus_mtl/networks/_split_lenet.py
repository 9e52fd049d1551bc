"""LeNet as MT-COOL trains it."""

from __future__ import annotations

from fundus_mtl.networks._lenet import LeNet
from fundus_mtl.networks._task_network import SplitNetwork


class SplitLeNet(SplitNetwork, LeNet):
    r"""A ``LeNet`` in which each task owns a share of every layer's channels: same arguments, same number of parameters.

    The paper's network is "an encoder and task-specific decoders". We take the hidden layer as the encoder's last, since it
    feeds every task: :math:`\theta_i` is task i's share of both convolutions and of the hidden units (25 of 50 for two
    tasks), :math:`\phi_i` its linear layer, which reads all hidden units.
    """
