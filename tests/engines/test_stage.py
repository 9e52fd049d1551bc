"""A stage gives its network what it was trained with: plain tensors, channels-last, in the precision of the setting."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer

from fundus_mtl.engines import Stage
from fundus_mtl.tasks import Task


class Recording(torch.nn.Module):
    """One convolution that keeps its input and the format of its output."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 1, 1)

    def forward(self, image, tasks=None):
        self.image, answer = image, self.conv(image)
        self.dtype = answer.dtype
        return {"disc": answer}


@pytest.mark.parametrize(
    "amp, dtype", [(False, torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_the_network_gets_a_plain_channels_last_picture(amp, dtype):
    network = Recording()
    stage = Stage(
        network=network,
        weights=None,
        tasks=[Task("disc", 1, "segmentation", torch.nn.BCEWithLogitsLoss())],
        preprocessing=lambda item: {"image": MetaTensor(torch.as_tensor(item["image"]))},
        inferer=SimpleInferer(),
        postprocessing=lambda sample: sample,
        amp=amp,
    )
    picture = torch.rand(3, 5, 7)
    found = stage.answer({"id": "", "image": picture})
    assert type(network.image) is torch.Tensor
    assert network.image.is_contiguous(memory_format=torch.channels_last)
    assert network.dtype == dtype
    assert found["pred_disc"].dtype == torch.float32
    expected = network.conv(picture[None]).sigmoid()[0]
    torch.testing.assert_close(
        found["pred_disc"], expected.detach(), rtol=0, atol=1e-6 if dtype == torch.float32 else 4e-3
    )
