"""A data set held in memory as tensors, fetched a batch at a time.

MONAI's way, transforms per sample and collation of dictionaries, costs more than a LeNet's whole step: an epoch of
50,000 digits would be bound by the loader. torch asks a data set with ``__getitems__`` for all samples of a batch at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fundus_mtl.data._array_set import Arrays
from fundus_mtl.tasks import Task


class TensorSamples(Dataset[dict[str, Any]]):
    """Serve the arrays of ``ArraySet.select`` as batches.

    A batch holds ``id`` (a list), ``image (B, 1, H, W)``, and per task the label as one-hot rows ``(B, classes)`` float32
    and ``<task>_present (B,)``. Give the loader `collate`, which takes batches as they are.

    Args:
        data: ``id``, ``image``, and per task its class and presence.
        tasks: whose channels are its classes.
        transform: of a dictionary with all images, ``image (N, 1, H, W)``; applied once, so nothing random.

    Raises:
        ValueError: if a label is beyond its task's channels.
    """

    def __init__(
        self, data: Arrays, tasks: Sequence[Task], transform: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        self.data, self.tasks = data, tuple(tasks)
        images = {"image": torch.from_numpy(data["image"])[:, None]}
        image = images["image"] if transform is None else transform(images)["image"]
        # A MetaTensor pays for its metadata at every batch.
        self._tensors: dict[str, Tensor] = {"image": image.as_tensor() if hasattr(image, "as_tensor") else image}
        for task in self.tasks:
            present = torch.from_numpy(data[f"{task.name}_present"])
            classes = torch.from_numpy(data[task.name].astype(np.int64)).where(present, torch.tensor(0))
            if len(classes) and int(classes.max()) >= task.channels:
                raise ValueError(
                    f"{task.name}: expected classes below {task.channels}, but got {int(classes.max())}; "
                    "give the task as many channels as the data have classes."
                )
            self._tensors[task.name] = torch.eye(task.channels)[classes] * present[:, None]
            self._tensors[f"{task.name}_present"] = present

    def __len__(self) -> int:
        return len(self.data["id"])

    def __getitems__(self, rows: Sequence[int]) -> dict[str, Any]:
        """Return a batch."""
        index = torch.as_tensor(rows)
        batch: dict[str, Any] = {key: values[index] for key, values in self._tensors.items()}
        batch["id"] = self.data["id"][index.numpy()].tolist()
        return batch

    def __getitem__(self, row: int) -> dict[str, Any]:
        """Return one sample, without the batch's axis."""
        return {key: values[0] for key, values in self.__getitems__([row]).items()}

    @staticmethod
    def collate(batch: dict[str, Any]) -> dict[str, Any]:
        """Return a batch as it is."""
        return batch

    def groups(self) -> Tensor:
        """Return for each sample a number that is the same where the same tasks are labelled, ``(N,)``."""
        presence = torch.stack([self._tensors[f"{task.name}_present"] for task in self.tasks], dim=1)
        return presence.unique(dim=0, return_inverse=True)[1]

    def items(self) -> list[dict[str, Any]]:
        """Return id and labels of every sample as a datalist has them: an absent key is a missing label."""
        columns = {"id": self.data["id"].tolist()} | {task.name: self.data[task.name].tolist() for task in self.tasks}
        known = {task.name: self.data[f"{task.name}_present"].tolist() for task in self.tasks}
        return [
            {key: values[row] for key, values in columns.items() if key == "id" or known[key][row]}
            for row in range(len(self))
        ]
