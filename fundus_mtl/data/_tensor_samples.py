"""A data set in memory as tensors that is fetched batch by batch.

Transforms per sample and the collation of dictionaries, as in MONAI, take longer than a whole training step of a LeNet,
so the loader would limit the speed. torch fetches all samples of a batch at once if a data set has ``__getitems__``.
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
    """Provide the arrays of ``ArraySet.select`` as batches.

    A batch contains ``id`` (a list), ``image (B, 1, H, W)``, and per task the label as one-hot rows ``(B, classes)``
    float32 and ``<task>_present (B,)``. Pass `collate` to the loader, because batches need no collation.

    Args:
        data: Arrays ``id``, ``image``, and per task the class and its presence.
        tasks: Tasks; the number of channels of each is its number of classes.
        transform: Transform of a dictionary with all images, ``image (N, 1, H, W)``. It is applied once, so it must not
            be random. Optional.

    Raises:
        ValueError: if a label is not below the number of channels of its task.
    """

    def __init__(
        self, data: Arrays, tasks: Sequence[Task], transform: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        self.data, self.tasks = data, tuple(tasks)
        images = {"image": torch.from_numpy(data["image"])[:, None]}
        image = images["image"] if transform is None else transform(images)["image"]
        # A MetaTensor is slower than a plain tensor at every batch.
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
        """Return one sample, without the batch axis."""
        return {key: values[0] for key, values in self.__getitems__([row]).items()}

    @staticmethod
    def collate(batch: dict[str, Any]) -> dict[str, Any]:
        """Return the batch unchanged."""
        return batch

    def groups(self) -> Tensor:
        """Return a group number per sample, ``(N,)``; samples with labels of the same tasks share a number."""
        presence = torch.stack([self._tensors[f"{task.name}_present"] for task in self.tasks], dim=1)
        return presence.unique(dim=0, return_inverse=True)[1]

    def items(self) -> list[dict[str, Any]]:
        """Return id and labels of every sample in the form of a datalist: a missing key means a missing label."""
        columns = {"id": self.data["id"].tolist()} | {task.name: self.data[task.name].tolist() for task in self.tasks}
        known = {task.name: self.data[f"{task.name}_present"].tolist() for task in self.tasks}
        return [
            {key: values[row] for key, values in columns.items() if key == "id" or known[key][row]}
            for row in range(len(self))
        ]
