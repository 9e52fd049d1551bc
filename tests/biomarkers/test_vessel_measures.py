from math import isnan
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.biomarkers import DiscCircle, knudtson, vessel_measures
from tests.biomarkers.vessel_drawings import band, ray

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hrf_av"
SHAPE, CENTRE, RADIUS = (360, 440), (230.0, 180.0), 40.0
DISC = DiscCircle(*CENTRE, RADIUS)
WIDTHS = {"artery": (4, 5, 6, 7, 8, 9), "vein": (6, 7, 8, 9, 11, 12)}


def spokes(kind, leave_out=0):
    turn = {"artery": 5, "vein": 35}[kind]
    drawn = [
        ray(SHAPE, CENTRE, np.radians(60 * k + turn), 50, 170, width)
        for k, width in enumerate(WIDTHS[kind][: 6 - leave_out])
    ]
    return np.any(drawn, axis=0)


def disc_mask():
    return band(SHAPE, CENTRE, (CENTRE[0] + 1e-9, CENTRE[1]), 2 * RADIUS)


def test_spokes_of_known_width():
    result = vessel_measures(spokes("artery"), spokes("vein"), disc_mask(), um_per_px=5.0)
    values = result.values
    crae, crve = (knudtson(WIDTHS[kind], kind) for kind in ("artery", "vein"))
    assert (values["artery_count"], values["vein_count"]) == (6, 6)
    assert (values["crae_px"], values["crve_px"]) == pytest.approx((crae, crve), rel=0.02)
    assert (values["crae_um"], values["crve_um"]) == pytest.approx((5 * crae, 5 * crve), rel=0.02)
    assert values["avr"] == pytest.approx(crae / crve, rel=0.02)
    assert values["tortuosity_artery"] == pytest.approx(1, abs=0.005)
    assert result.reasons == {}


def test_densities_and_what_is_seen_of_the_zones():
    """In zone B six spokes of 40 px each, 234 px² per px of width, over 5 pi r²."""
    result = vessel_measures(spokes("artery"), spokes("vein"), DISC).values
    area = np.pi * 5 * RADIUS**2
    artery, vein = (sum(WIDTHS[kind]) * RADIUS / area for kind in ("artery", "vein"))
    assert result["density_artery_B"] == pytest.approx(artery, rel=0.03)
    assert result["density_vein_B"] == pytest.approx(vein, rel=0.03)
    assert result["density_vessel_B"] == pytest.approx(artery + vein, rel=0.03)
    assert result["visible_B"] == pytest.approx(1, abs=0.002)
    assert 0.9 < result["visible_C"] < 0.98  # the frame cuts it above and below
    small = [vessel_measures(*[np.zeros(SHAPE)] * 2, DiscCircle(*CENTRE, radius)).values for radius in (1.1, 2.3, 3.4)]
    assert all(0 < values[f"visible_{zone}"] <= 1 for values in small for zone in "ABC")
    both = vessel_measures(spokes("artery"), spokes("artery"), DISC).values
    assert both["density_vessel_B"] == both["density_artery_B"]


def test_twice_the_picture_and_the_turned_picture():
    """Widths double, ratios stay."""
    masks = [spokes("artery"), spokes("vein"), disc_mask()]
    values = vessel_measures(*masks).values
    double = vessel_measures(*(np.kron(mask, np.ones((2, 2), bool)) for mask in masks)).values
    turned = vessel_measures(*(np.rot90(mask) for mask in masks)).values
    for name, value in values.items():
        if name.startswith("fractal"):  # so small a photograph loses its smallest boxes
            assert double[name] == pytest.approx(value, rel=0.1)
            assert turned[name] == pytest.approx(value, rel=0.03)
        elif name.endswith("_um"):
            assert isnan(double[name])
        else:
            factor = 2 if name.endswith("_px") else 1
            assert double[name] == pytest.approx(factor * value, rel=0.03), name
            assert turned[name] == pytest.approx(value, rel=0.03), name


def test_fewer_than_six():
    result = vessel_measures(spokes("artery", leave_out=2), spokes("vein"), DISC, um_per_px=4.0)
    assert result.values["artery_count"] == 4
    for name in ("crae_px", "crae_um", "avr"):
        assert isnan(result.values[name])
        assert result.reasons[name] == "4 of the 6 arteries needed cross zone B"
    assert result.values["crve_px"] > 0
    assert set(result.reasons) == {"crae_px", "crae_um", "avr"}


def test_no_scale_and_no_veins():
    result = vessel_measures(spokes("artery"), np.zeros(SHAPE, bool), DISC)
    assert result.values["vein_count"] == result.values["density_vein_B"] == 0
    assert result.reasons["crae_um"] == "no scale"
    assert result.reasons["avr"] == result.reasons["crve_um"] == "0 of the 6 veins needed cross zone B"
    assert result.reasons["tortuosity_vein"] == "no vein is long enough to measure tortuosity"
    assert "no vessel" in result.reasons["fractal_dimension_vein"]


def test_no_disc():
    result = vessel_measures(spokes("artery"), spokes("vein"), np.zeros(SHAPE, bool), um_per_px=4.0)
    known = {"tortuosity_artery", "tortuosity_vein"}
    known |= {f"fractal_dimension_{kind}" for kind in ("artery", "vein", "vessel")}
    assert {name for name, value in result.values.items() if not isnan(value)} == known
    assert set(result.reasons) == set(result.values) - known
    assert set(result.reasons.values()) == {"no disc"}


def test_what_lies_outside_the_field_of_view_does_not_count():
    lit = np.zeros(SHAPE, bool)
    lit[:, 200:] = True
    whole = vessel_measures(spokes("artery"), spokes("vein"), DISC).values
    result = vessel_measures(spokes("artery"), spokes("vein"), DISC, lit)
    assert result.values["artery_count"] < 6
    assert result.values["visible_B"] == pytest.approx(0.62, abs=0.05)
    assert result.values["density_artery_B"] == pytest.approx(whole["density_artery_B"], rel=0.35)
    dark = vessel_measures(spokes("artery"), spokes("vein"), DISC, np.zeros(SHAPE, bool))
    assert dark.reasons["density_vein_B"] == dark.reasons["density_vessel_B"] == "zone B lies outside the field of view"
    assert dark.values["visible_B"] == dark.values["artery_count"] == 0


def test_masks_may_hold_any_number():
    counted = vessel_measures(spokes("artery") * 255, spokes("vein").astype(float), disc_mask() * 1).values
    expected = vessel_measures(spokes("artery"), spokes("vein"), disc_mask()).values
    assert counted == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"vein": np.zeros((4, 5))}, r"vein: expected the arteries' shape \(360, 440\), but got \(4, 5\)"),
        ({"disc": np.zeros((4, 5))}, r"disc: expected the arteries' shape \(360, 440\), but got \(4, 5\)"),
        ({"field_of_view": np.zeros((4, 5))}, r"field_of_view: expected the arteries' shape"),
        ({"artery": np.zeros((4, 5, 3))}, r"artery: expected shape \(H, W\), but got \(4, 5, 3\)"),
        ({"um_per_px": 0.0}, "um_per_px: expected a number above 0, but got 0.0; None is unknown"),
        ({"um_per_px": float("nan")}, "um_per_px: expected a number above 0, but got nan"),
    ],
)
def test_wrong_input_raises(change, message):
    arguments = {"artery": np.zeros(SHAPE), "vein": np.zeros(SHAPE), "disc": DISC}
    with pytest.raises(ValueError, match=message):
        vessel_measures(**(arguments | change))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here: the real HRF-AV maps cannot be read")
def test_a_real_map():
    """Around the disc of 01_h, found by eye; a crossing is both artery and vein."""
    with Image.open(SHARED / "av_gt" / "01_h_AVmanual.png") as picture:
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"))[500:1800, 2000:3400] > 127, -1, 0)
    values = vessel_measures(red | green, blue | green, DiscCircle(656.0, 644.0, 178.0)).values
    assert 10 <= values["artery_count"] <= 18
    assert 10 <= values["vein_count"] <= 18
    assert 0.6 < values["avr"] < 0.75
    assert 1.02 < values["tortuosity_artery"] < 1.1
    assert 1.2 < values["fractal_dimension_vessel"] < 1.6
