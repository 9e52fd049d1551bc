"""The cup gets the ratio that was drawn, and the disc stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Randomizable

from fundus_mtl.transforms import RandCupSized

KEYS = ["image", "disc", "cup"]


def item(cup_radius: float = 24, cup_centre: tuple[int, int] = (100, 130), squeeze: float = 1.0) -> dict[str, object]:
    """A disc with a radius of 60 px (horizontally 60 * squeeze) around (100, 130) on 200 x 260 px; a noisy image."""
    rows, columns = np.mgrid[:200, :260].astype(np.float64)

    def ellipse(centre: tuple[int, int], radius: float) -> MetaTensor:
        inside = np.hypot(rows - centre[0], (columns - centre[1]) / squeeze) <= radius
        return MetaTensor(torch.from_numpy(inside[None].astype(np.float32)))

    image = MetaTensor(torch.rand(3, 200, 260, generator=torch.Generator().manual_seed(0)) * 255)
    return {"id": "g0001", "image": image, "disc": ellipse((100, 130), 60), "cup": ellipse(cup_centre, cup_radius)}


def warped(sample: dict[str, object], ratio: float, strongest: float = 100.0) -> dict[str, torch.Tensor]:
    return RandCupSized(KEYS, ratios=(ratio, ratio), strongest=strongest, prob=1.0)(sample)


def vertical(mask: torch.Tensor) -> int:
    rows = np.flatnonzero((np.asarray(mask)[0] > 0.5).any(axis=1))
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("ratio", [0.2, 0.3, 0.55, 0.75, 0.9])
@pytest.mark.parametrize("squeeze", [1.0, 0.8])
def test_the_ratio_is_as_drawn_and_the_disc_stays(ratio: float, squeeze: float) -> None:
    before = item(squeeze=squeeze)
    after = warped(before, ratio)
    assert vertical(after["cup"]) / vertical(after["disc"]) == pytest.approx(ratio, abs=0.02)
    assert vertical(after["disc"]) == pytest.approx(121, abs=1)
    changed = (after["disc"] > 0.5) != (before["disc"] > 0.5)
    rows, columns = np.nonzero(np.asarray(changed)[0])
    assert (np.abs(np.hypot(rows - 100, (columns - 130) / squeeze) - 60) <= 1.5).all()  # at its edge, within a px


@pytest.mark.parametrize("ratio", [0.4, 0.7])
def test_a_cup_off_the_centre(ratio: float) -> None:
    """Each ray is warped by itself, so that the ratio of two different rays together is near the one drawn."""
    after = warped(item(cup_radius=30, cup_centre=(90, 120)), ratio)
    assert vertical(after["cup"]) / vertical(after["disc"]) == pytest.approx(ratio, abs=0.05)
    assert not ((after["cup"] > 0.5) & ~(after["disc"] > 0.5)).any()


def test_one_ray_by_hand() -> None:
    """Odds times 6 (0.2 to 0.6): what is seen at 36 px of 60 was at 12 px, and at 45 px (odds 3) at 20 px (odds 1/2)."""
    rows, columns = torch.meshgrid(torch.arange(200.0), torch.arange(260.0), indexing="ij")
    sample = item(cup_radius=12) | {"image": MetaTensor(torch.stack([rows, columns]))}
    after = RandCupSized(KEYS, ratios=(0.6, 0.6), strongest=6.0, prob=1.0)(sample)["image"]
    assert float(after[1, 100, 130 + 36]) == pytest.approx(130 + 12, abs=0.5)
    assert float(after[1, 100, 130 - 45]) == pytest.approx(130 - 20, abs=0.5)
    assert float(after[0, 100 + 36, 130]) == pytest.approx(100 + 12, abs=0.5)
    assert [float(part) for part in after[:, 100, 130]] == pytest.approx([100, 130])


def test_nothing_outside_the_disc_moves() -> None:
    before = item()
    after = warped(before, 0.8)
    rows, columns = np.mgrid[:200, :260]
    outside = torch.from_numpy(np.hypot(rows - 100, columns - 130) > 62)
    torch.testing.assert_close(after["image"][:, outside], before["image"][:, outside], atol=0.05, rtol=0)
    assert not torch.allclose(after["image"][:, ~outside], before["image"][:, ~outside], atol=1)


def test_the_factor_has_a_limit_and_one_is_the_identity() -> None:
    before = item()
    after = warped(before, 0.9, strongest=2.0)
    odds = 2 * (24 / 60) / (36 / 60)  # of about 0.4
    assert vertical(after["cup"]) / vertical(after["disc"]) == pytest.approx(odds / (1 + odds), abs=0.02)
    same = warped(before, 0.9, strongest=1.0)
    assert all(torch.equal(same[key], before[key]) for key in KEYS)


@pytest.mark.parametrize("empty", ["disc", "cup"])
def test_an_item_without_disc_or_cup_stays(empty: str) -> None:
    before = item()
    before[empty] = before[empty] * 0
    after = warped(before, 0.8)
    assert all(torch.equal(after[key], before[key]) for key in KEYS)


def test_a_cup_beside_the_disc_stays() -> None:
    before = item(cup_radius=10, cup_centre=(20, 20))
    assert torch.equal(warped(before, 0.8)["image"], before["image"])


def test_drawn_evenly_by_the_seed_and_not_cached() -> None:
    assert issubclass(RandCupSized, Randomizable)
    warp = RandCupSized(KEYS, ratios=(0.3, 0.9), strongest=100, prob=0.5).set_random_state(seed=1)
    drawn = [vertical(warp(item())["cup"]) / 121 for _ in range(40)]
    same = [ratio for ratio in drawn if ratio == pytest.approx(49 / 121)]
    assert 10 < len(same) < 30
    assert min(drawn) < 0.36
    assert max(drawn) > 0.8
    again = RandCupSized(KEYS, ratios=(0.3, 0.9), strongest=100, prob=0.5).set_random_state(seed=1)
    assert [vertical(again(item())["cup"]) / 121 for _ in range(5)] == drawn[:5]


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"expected two ascending ratios between 0 and 1, but got \[0.9, 0.3\]"):
        RandCupSized(KEYS, ratios=(0.9, 0.3))
    with pytest.raises(ValueError, match="expected strongest of at least 1, but got 0.5"):
        RandCupSized(KEYS, strongest=0.5)
    sample = item()
    with pytest.raises(
        ValueError, match=r"expected image of \(200, 260\) rows and columns like disc, but got \(200, 50\)"
    ):
        warped(sample | {"image": sample["image"][:, :, :50]}, 0.8)
