"""Points to heatmaps and back: sub-pixel accuracy, native pixels, missing points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose, Flipd, Resized

from fundus_mtl.transforms import HeatmapPointd, PointHeatmapd

NAN = math.nan


def sample(point: tuple[float, float], height: int = 48, width: int = 80) -> dict[str, object]:
    image = MetaTensor(torch.zeros(3, height, width), affine=torch.eye(4, dtype=torch.float64))
    return {"image": image, "fovea": torch.tensor(point, dtype=torch.float64)}


def test_gaussian_by_hand() -> None:
    """Sigma 4 px = 0.0625 x (48 + 80) / 2; the centre (x 30.25, y 20) lies between columns."""
    got = PointHeatmapd("fovea", sigma=0.0625)(sample((30.25, 20.0)))
    heatmap = got["fovea"]
    assert (heatmap.dtype, tuple(heatmap.shape)) == (torch.float32, (1, 48, 80))
    assert heatmap[0, 20, 30].item() == pytest.approx(math.exp(-(0.25**2) / 32))
    assert heatmap[0, 20, 31].item() == pytest.approx(math.exp(-(0.75**2) / 32))
    assert heatmap[0, 24, 38].item() == pytest.approx(math.exp(-(4**2 + 7.75**2) / 32))
    assert heatmap.max() < 1
    assert got["fovea_xy"].tolist() == [30.25, 20.0]
    assert got["fovea_xy"].dtype == torch.float64
    assert (got["fovea_present"].dtype, got["fovea_present"].shape) == (torch.bool, ())
    assert got["fovea_present"]


def test_sigma_of_the_task() -> None:
    """7.07 px at 256: a quarter of the peak's square-root-of-e distance is the same at every size."""
    for size in (64, 256):
        got = PointHeatmapd("fovea")(sample((10.0, 20.0), size, size))["fovea"][0]
        assert got[20, 10] == 1
        profile = got[20, 10:].double()
        measured = math.sqrt(-(10**2) / (2 * math.log(profile[10])))
        assert measured == pytest.approx(7.07 * size / 256, rel=1e-5)


@pytest.mark.parametrize("point", [(NAN, NAN), (NAN, 3), (-0.6, 5), (79.5, 5), (5, -0.51), (5, 47.5), (1e9, 5)])
def test_points_that_are_not_in_the_frame(point: tuple[float, float]) -> None:
    got = PointHeatmapd("fovea")(sample(point))
    assert not got["fovea_present"]
    assert got["fovea"].abs().sum() == 0
    assert tuple(got["fovea"].shape) == (1, 48, 80)


@pytest.mark.parametrize("point", [(-0.5, -0.5), (79.49, 47.49), (0, 0)])
def test_points_on_the_frame(point: tuple[float, float]) -> None:
    assert PointHeatmapd("fovea")(sample(point))["fovea_present"]


@given(x=st.floats(13, 66), y=st.floats(13, 34))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_there_and_back(x: float, y: float) -> None:
    """The documented accuracy: 0.05 px of the grid, away from the edge."""
    got = HeatmapPointd("fovea", sigma=0.0625)(PointHeatmapd("fovea", sigma=0.0625)(sample((x, y))))
    assert np.hypot(*(got["fovea"].numpy() - (x, y))) < 0.05
    assert got["fovea_peak"].item() == pytest.approx(1, abs=0.02)
    assert got["fovea"].dtype == torch.float64


@given(x=st.floats(-0.49, 79.49), y=st.floats(-0.49, 47.49))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_there_and_back_at_the_edge(x: float, y: float) -> None:
    got = HeatmapPointd("fovea", sigma=0.0625)(PointHeatmapd("fovea", sigma=0.0625)(sample((x, y))))
    assert np.abs(got["fovea"].numpy() - (x, y)).max() <= 0.51


def test_through_geometry_by_hand() -> None:
    """Half size, then mirrored: native column x is at 39 - ((x + 0.5) / 2 - 0.5) of 40 columns."""
    geometry = Compose([Resized("image", (24, 40)), Flipd("image", spatial_axis=1), PointHeatmapd("fovea")])
    got = geometry(sample((21.0, 10.0)))
    row, column = divmod(int(got["fovea"].argmax()), 40)
    assert (row, column) == (5, 29)  # exactly (4.75, 28.75)
    back = HeatmapPointd("fovea")({"image": got["image"], "fovea": got["fovea"]})
    np.testing.assert_allclose(back["fovea"], [21, 10], atol=0.1)


def heatmap_of(*bumps: tuple[float, float, float]) -> torch.Tensor:
    """The sum of Gaussians of sigma 4 px at (x, y) with a height, (1, 48, 80)."""
    rows, columns = np.mgrid[:48, :80]
    total = sum(h * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 32) for x, y, h in bumps)
    return torch.from_numpy(total)[None].float()


FIND = HeatmapPointd("pred_fovea", sigma=0.0625)


def found(heatmap: torch.Tensor, find: HeatmapPointd = FIND) -> dict[str, torch.Tensor]:
    return find({"image": sample((0, 0))["image"], "pred_fovea": heatmap})


def test_a_second_bump_has_no_effect() -> None:
    got = found(heatmap_of((20.3, 22.6, 0.8), (60, 20, 0.7)))
    np.testing.assert_allclose(got["pred_fovea"], [20.3, 22.6], atol=0.05)
    assert got["pred_fovea_peak"].item() == pytest.approx(0.8, abs=0.01)


def test_a_flat_top_and_a_haze_give_the_middle() -> None:
    """A saturated network: sigmoid is 1.0 on many pixels, of which argmax names the first."""
    flat = (3 * heatmap_of((40.4, 23.3, 1))).clamp(max=1)
    np.testing.assert_allclose(found(flat)["pred_fovea"], [40.4, 23.3], atol=0.1)
    np.testing.assert_allclose(found(flat * 0.9 + 0.05)["pred_fovea"], [40.4, 23.3], atol=0.15)


def test_negative_values_weigh_nothing() -> None:
    heatmap = heatmap_of((40.0, 23.0, 1))
    heatmap[0, 23, 48] = -5.0
    np.testing.assert_allclose(found(heatmap)["pred_fovea"], [40, 23], atol=0.1)


def test_centre_of_mass_of_the_whole_map() -> None:
    """By hand: weights 1 and 3 at columns 10 and 50."""
    heatmap = torch.zeros(1, 48, 80)
    heatmap[0, 5, 10], heatmap[0, 25, 50] = 0.25, 0.75
    got = found(heatmap, HeatmapPointd("pred_fovea", window=None))
    assert got["pred_fovea"].tolist() == [40.0, 20.0]
    assert got["pred_fovea_peak"] == 0.75


@pytest.mark.parametrize("value", [0.0, NAN, -1.0])
@pytest.mark.parametrize("window", [2.5, None])
def test_nothing_found_is_nan(value: float, window: float | None) -> None:
    heatmap = heatmap_of((20, 20, 1)) if math.isnan(value) else torch.zeros(1, 48, 80)
    heatmap[0, 3, 3] = value
    got = found(heatmap, HeatmapPointd("pred_fovea", window=window))
    assert got["pred_fovea"].isnan().all()
    assert tuple(got["pred_fovea"].shape) == (2,)
    assert got["pred_fovea_peak"].isnan()


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"pred_fovea: expected shape \(1, 48, 80\) like image, but got \(1, 24, 40\)"):
        found(torch.zeros(1, 24, 40))
    with pytest.raises(TypeError, match="expected an image with an affine"):
        PointHeatmapd("fovea")({"image": torch.zeros(3, 9, 9), "fovea": torch.tensor([1.0, 2.0])})
    for bad in ({"sigma": 0.0}, {"window": 0.0}):
        with pytest.raises(ValueError, match="positive"):
            HeatmapPointd("pred_fovea", **bad)
    with pytest.raises(ValueError, match="positive"):
        PointHeatmapd("fovea", sigma=-1.0)
