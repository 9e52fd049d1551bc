"""Split a collated batch into image, labels and presence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from monai.engines.utils import PrepareBatch
from torch import Tensor

from fundus_mtl.tasks import Task


class Targets(NamedTuple):
    """Labels of a batch by task, and which samples have them."""

    labels: dict[str, Tensor]
    presence: dict[str, Tensor]


def count_labels(targets: Targets) -> dict[str, int]:
    """Return how many samples of a batch have each task's label."""
    return {name: int(present.sum()) for name, present in targets.presence.items()}


def labelled_part(image: Tensor, targets: Targets, task: str) -> tuple[Tensor, Targets]:
    """Select the samples that have a task's label, with the label of this task only.

    If no sample has the label, the first sample is returned as unlabelled, because a rank without labels must still
    take part in the sums over the ranks.
    """
    present = targets.presence[task]
    rows = present.nonzero(as_tuple=True)[0]
    if len(rows) == len(image):
        return image, Targets({task: targets.labels[task]}, {task: present})
    if not len(rows):
        labels = {name: label[:1] for name, label in targets.labels.items() if name == task}
        return image[:1], Targets(labels, {task: torch.zeros(1, dtype=torch.bool)})
    label = targets.labels[task]
    chosen = rows.to(image.device, non_blocking=True), rows.to(label.device, non_blocking=True)
    return image[chosen[0]], Targets({task: label[chosen[1]]}, {task: present[rows]})


def network_input(image: Tensor) -> Tensor:
    """Return an image as a plain tensor; a batch of pictures ``(B, C, H, W)`` in the memory format of the networks.

    A MetaTensor is slower than a plain tensor in every operation of the network, and channels-last convolutions are
    faster (benchmarks/amp.py).
    """
    plain: Tensor = image.as_tensor() if hasattr(image, "as_tensor") else image
    return plain.contiguous(memory_format=torch.channels_last) if plain.ndim == 4 else plain


class PrepareMultiTaskBatch(PrepareBatch):
    """Extract the image, the label of every task, and ``<task>_present`` from a batch.

    Labels are moved to the device. Presence stays on the CPU, where reading it does not synchronise with the GPU. A
    task whose label key is missing from the batch has no labelled sample.

    Args:
        tasks: Tasks whose labels are extracted.
        image_key: Key of the photograph.
    """

    def __init__(self, tasks: Sequence[Task], image_key: str = "image") -> None:
        self.tasks = tuple(tasks)
        self.image_key = image_key

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Targets]:
        """Return the image ``(B, C, H, W)`` and the ``Targets``, as plain tensors.

        Raises:
            KeyError: if a task has a label but no ``<task>_present``.
            ValueError: if a label of a classification is no class.
        """
        for task in self.tasks:
            _check_classes(task, batchdata)
        labels = {
            t.name: self._move(batchdata[t.name], device, non_blocking, kwargs)
            for t in self.tasks
            if t.name in batchdata
        }
        presence = {t.name: self._presence(t.name, batchdata) for t in self.tasks}
        image = self._move(batchdata[self.image_key], device, non_blocking, kwargs)
        return network_input(image), Targets(labels, presence)

    @staticmethod
    def _move(tensor: Tensor, device: Any, non_blocking: bool, kwargs: Mapping[str, Any]) -> Tensor:
        plain = tensor.as_tensor() if hasattr(tensor, "as_tensor") else tensor
        return plain.to(device=device, non_blocking=non_blocking, **kwargs)

    @staticmethod
    def _presence(name: str, batchdata: Mapping[str, Any]) -> Tensor:
        if name not in batchdata:
            return torch.zeros(1, dtype=torch.bool)
        if f"{name}_present" not in batchdata:
            raise KeyError(
                f"{name}_present: expected next to the label {name}, but got none; add MissingLabelsd to the transforms."
            )
        return torch.as_tensor(batchdata[f"{name}_present"]).bool().reshape(-1).cpu()


def _check_classes(task: Task, batchdata: Mapping[str, Any]) -> None:
    """Refuse labels that a loss would take without complaint and that mean nothing, such as 2 of a binary task."""
    label = batchdata.get(task.name)
    if task.kind != "classification" or not isinstance(label, Tensor) or label.is_cuda:
        return
    highest = max(1, task.channels - 1)
    if bool(((label < 0) | (label > highest)).any()):
        found = sorted({f"{float(value):g}" for value in label.flatten() if not 0 <= value <= highest})
        raise ValueError(
            f"{task.name}: expected labels from 0 to {highest}, but got {', '.join(found)}; number classes from 0."
        )
