"""Stack masks into the channels of one task."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from fundus_mtl.transforms import MissingLabelsd, StackMasksd


def sample(**masks: torch.Tensor) -> dict[str, object]:
    """An image of 2x3 px and masks, as they come out of ``MissingLabelsd``."""
    item = {"image": MetaTensor(torch.zeros(3, 2, 3)), **masks}
    return MissingLabelsd(masks=["disc", "cup"], largest=1.0)(item)


def test_the_channels_are_in_the_order_of_the_keys() -> None:
    disc = MetaTensor(torch.tensor([[[1, 1, 0], [1, 1, 0]]]))
    cup = MetaTensor(torch.tensor([[[0, 1, 0], [0, 0, 0]]]))
    got = StackMasksd(["disc", "cup"], "segmentation")(sample(disc=disc, cup=cup))
    assert torch.equal(got["segmentation"], torch.cat([disc, cup]).to(torch.uint8))
    assert got["segmentation_present"].shape == ()
    assert bool(got["segmentation_present"])
    turned = StackMasksd(["cup", "disc"], "segmentation")(sample(disc=disc, cup=cup))
    assert torch.equal(turned["segmentation"], torch.cat([cup, disc]).to(torch.uint8))


@pytest.mark.parametrize("known", [(), ("disc",), ("cup",)])
def test_without_one_of_the_masks_there_is_no_label(known: tuple[str, ...]) -> None:
    got = StackMasksd(["disc", "cup"], "segmentation")(
        sample(**{key: MetaTensor(torch.ones(1, 2, 3)) for key in known})
    )
    assert got["segmentation"].shape == (2, 2, 3)
    assert not got["segmentation_present"]
    assert bool(got["disc_present"]) == ("disc" in known)
