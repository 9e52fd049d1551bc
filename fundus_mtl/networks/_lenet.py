"""LeNet with a linear head per task, for digits.

Source: MT-COOL, section 3.1: "the widely used LeNet architecture for MNIST, of which the last layer contains 50 hidden
units, followed by a final prediction output". The paper does not specify the rest. The two 5x5 convolutions of 10 and
20 channels, each with a 2x2 max pooling and a ReLU, are those of the usual MultiMNIST network (Sener and Koltun,
Multi-Task Learning as Multi-Objective Optimization, NeurIPS 2018), without its dropout, which the paper does not
mention.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import Tensor, nn

from fundus_mtl.networks._owned_layer import OwnedLayer
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.tasks import Task

KERNEL = 5  # px, kernel size of both convolutions
SMALLEST = 16  # px, smallest image side that leaves at least one pixel after two convolutions and poolings


class LeNet(TaskNetwork):
    """Classify small images: two convolutions and a hidden layer for all tasks, one linear layer for each.

    With two tasks of five classes it has 21,840 parameters. The weights use PyTorch's default initialisation and global
    generator.

    Args:
        tasks: Tasks, one head each, in order. None of them may be dense. ``channels`` is the number of classes.
        hidden: Number of units of the last shared layer.
        in_channels: Number of image channels.
        size: Side of the square image, px.
        channels: Output channels of the two convolutions.

    Raises:
        ValueError: if ``tasks`` is empty, a task is dense, two tasks have the same name, or the images are too small.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        hidden: int = 50,
        in_channels: int = 1,
        size: int = 28,
        channels: tuple[int, int] = (10, 20),
    ) -> None:
        super().__init__(tasks)
        if dense := [task.name for task in tasks if task.dense]:
            raise ValueError(f"{type(self).__name__}: expected one answer per image, but got dense tasks {dense}.")
        if size < SMALLEST:
            raise ValueError(f"{type(self).__name__}: expected a size of at least {SMALLEST} px, but got {size}.")
        self.size = size
        first, second = channels
        left = ((size - KERNEL + 1) // 2 - KERNEL + 1) // 2
        self.encoder = nn.Sequential(
            OwnedLayer(lambda share: nn.Conv2d(in_channels, share, KERNEL), first, self.owners),
            nn.MaxPool2d(2),
            nn.ReLU(),
            OwnedLayer(lambda share: nn.Conv2d(first, share, KERNEL), second, self.owners),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            OwnedLayer(lambda share: nn.Linear(second * left * left, share), hidden, self.owners),
            nn.ReLU(),
        )
        self.heads = nn.ModuleDict({task.name: nn.Linear(hidden, task.channels) for task in tasks})

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the requested tasks.

        Args:
            image: Images ``(B, in_channels, size, size)``.
            tasks: Names of the tasks; default: all.

        Returns:
            ``{task: (B, channels)}``.

        Raises:
            KeyError: if the network has no task of a given name.
            ValueError: if the image has another size.
        """
        wanted = self._wanted(tasks)
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(
                f"{type(self).__name__}: expected images of {self.size}x{self.size} px, but got "
                f"{tuple(image.shape[-2:])}; resize them or set size."
            )
        features = self.encoder(image)
        return {task.name: self.heads[task.name](features) for task in wanted}
