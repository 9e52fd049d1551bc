"""Arteries and veins that agree with the vessels: every vessel pixel has a kind, and no other pixel has one."""

from __future__ import annotations

import pytest
import torch

from fundus_mtl.transforms import AssignVesselsd

ASSIGN = AssignVesselsd("kinds", "vessel", threshold=0.5, crossing=0.8)


def assigned(artery: list[float], vein: list[float], vessel: list[float]) -> list[list[float]]:
    item = {"kinds": torch.tensor([[artery], [vein]]), "vessel": torch.tensor([[vessel]])}
    return ASSIGN(item)["kinds"][:, 0].tolist()


def test_by_hand():
    """Clear artery, clear vein, both low, both high, a crossing, and background with high kinds."""
    found = assigned([0.9, 0.1, 0.3, 0.7, 0.9, 0.9], [0.2, 0.8, 0.2, 0.75, 0.8, 0.9], [0.9, 0.5, 0.6, 0.9, 0.9, 0.49])
    assert found == [[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 1, 0]]


def test_artery_or_vein_is_the_vessel_mask():
    generator = torch.Generator().manual_seed(0)
    item = {"kinds": torch.rand(2, 30, 40, generator=generator), "vessel": torch.rand(1, 30, 40, generator=generator)}
    found = ASSIGN(item)
    assert torch.equal(found["kinds"].amax(0, keepdim=True) > 0, item["vessel"] >= 0.5)
    assert torch.equal(found["vessel"], item["vessel"])
    both = found["kinds"].amin(0) > 0
    assert torch.equal(both, (item["kinds"].amin(0) >= 0.8) & (item["vessel"][0] >= 0.5))


@pytest.mark.parametrize(("kinds", "vessel"), [((1, 4, 5), (1, 4, 5)), ((2, 4, 5), (1, 5, 4)), ((2, 4, 5), (2, 4, 5))])
def test_other_shapes_are_refused(kinds, vessel):
    with pytest.raises(ValueError, match=r"AssignVesselsd: expected \(2, H, W\) and \(1, H, W\), but got"):
        ASSIGN({"kinds": torch.zeros(kinds), "vessel": torch.zeros(vessel)})
