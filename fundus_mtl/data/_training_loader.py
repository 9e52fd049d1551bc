"""The data loader of a training."""

from __future__ import annotations

from typing import Any

from monai.data import DataLoader


class TrainingLoader(DataLoader):
    """MONAI's data loader, which refuses a data set without a single batch.

    With ``drop_last``, a data set that is smaller than a batch has none. A learning rate schedule would then get no steps
    and fail with an error that names neither the batch nor the data.

    Args:
        *args: Arguments of MONAI's ``DataLoader``.
        **kwargs: Arguments of MONAI's ``DataLoader``.

    Raises:
        ValueError: if there is no batch.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self) == 0:
            samples = len(self.sampler)  # has a length where the loader has one
            raise ValueError(
                f"batch_size: expected at least one batch of {self.batch_size}, but got {samples} training samples; use a "
                "smaller batch_size or more photographs."
            )
