"""Map dense predictions back to the pixels of the file with bilinear interpolation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy, deepcopy
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import Invertd
from monai.transforms.utils import convert_applied_interp_mode, reset_ops_id
from torch import Tensor


class InvertBilineard(Invertd):
    """Invert the geometric transforms of an image on predictions, with bilinear interpolation.

    MONAI's ``Invertd(nearest_interp=False)`` enlarges with the mode that the image was reduced with. ``area``, the
    correct mode for reducing, repeats whole pixels when it enlarges, so that outlines of masks become jagged (IoU 0.978
    instead of 1.0 for a disc of 38 px). ``Invertd`` also leaves a prediction that is a plain tensor unchanged and only
    warns. Apply this transform to probabilities, and the threshold afterwards.

    Args:
        keys: Keys of predictions ``(C, H, W)`` on the current grid of the image; they become float MetaTensors on the
            native grid.
        transform: Compose that transformed the image.
        orig_keys: Key of the transformed image.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if the image has no record of its transforms.

    Example:
        >>> InvertBilineard(["pred_disc"], transform=preprocessing)  # doctest: +SKIP
    """

    def __init__(self, keys: Any, transform: Any, orig_keys: Any = "image", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, transform, orig_keys, nearest_interp=False, allow_missing_keys=allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with the predictions on the native grid."""
        item, staged = dict(data), dict(data)
        for key, image_key in self.key_iterator(item, self.orig_keys):
            image = item[image_key]
            operations = recorded(item, image_key)
            smooth = MetaTensor(image.as_tensor(), meta=image.meta)
            smooth.applied_operations = convert_applied_interp_mode(operations, mode="bilinear")
            staged[image_key] = reset_ops_id(smooth)  # the copy below is another object than the record names
            staged[key] = item[key] if isinstance(item[key], MetaTensor) else MetaTensor(item[key])
        # MONAI changes transforms while it inverts them, and another thread may use them for the next photograph.
        alone = copy(self)
        alone.transform = deepcopy(self.transform)
        done = Invertd.__call__(alone, staged)
        return {**done, **{key: item[key] for key in self.orig_keys if key in item}}


def recorded(item: Mapping[Hashable, Any], image_key: Hashable) -> list[Any]:
    """Return the record of an image's transforms.

    Raises:
        ValueError: if it has none.
    """
    image = item[image_key]
    if not (isinstance(image, MetaTensor) and image.applied_operations):
        raise ValueError(
            f"{image_key}: expected an image with a record of its transforms, but got none; keep track_meta on."
        )
    return list(image.applied_operations)


def plain(map_: Any) -> Tensor:
    """Return a map ``(C, H, W)`` as a plain tensor in float32 on the CPU."""
    found = map_.as_tensor() if isinstance(map_, MetaTensor) else torch.as_tensor(map_)
    return found.detach().to("cpu", torch.float32)
