import time
import tracemalloc
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import cv2
import numpy as np
import pytest

from fundus_mtl.biomarkers import GradabilityLimits, field_of_view_circle, gradability, quality_measures
from fundus_mtl.transforms import field_of_view
from tests.biomarkers.fundus_drawings import blurred, flattened, fundus

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
RADIUS = 160.0
PICTURE, FIELD = fundus(radius=RADIUS)
RNG = np.random.default_rng(0)


def seen_in(picture):
    import torch

    return field_of_view(torch.from_numpy(np.moveaxis(picture, -1, 0).copy()))[0].numpy()


def degraded(picture, field):
    """Ungradable photographs by the reason that must be reported."""
    radius = field_of_view_circle(field).radius_px
    yield "out_of_focus", blurred(picture, radius, 0.01)
    yield "too_dark", (0.15 * picture).astype(np.uint8)
    yield "low_contrast", flattened(picture, field, 0.2)
    yield "too_bright", (np.clip(0.4 * picture.astype(float) + 240, 0, 255) * field[..., None]).astype(np.uint8)
    yield "not_fundus_coloured", np.repeat(picture[..., 1:2], 3, axis=2)
    yield "noisy", (RNG.integers(0, 255, picture.shape) * field[..., None]).astype(np.uint8)


def test_a_circle_by_hand():
    """An outline through pixel centres 160 px from the middle ends half a pixel beyond them."""
    for height in (340, 260):  # whole, then cut above and below
        circle = field_of_view_circle(fundus(height, 400, RADIUS)[1])
        assert (circle.cx_px, circle.cy_px) == pytest.approx((199.5, (height - 1) / 2), abs=0.5)
        assert circle.radius_px == pytest.approx(160.5, abs=0.5)
        assert circle.roundness > 0.98


def test_what_is_no_circle():
    square = np.pad(np.ones((100, 100), bool), 50)
    assert field_of_view_circle(square).roundness == pytest.approx(2 / np.pi, abs=0.02)  # of a circle around a square
    for mask in (np.zeros((5, 9), bool), np.ones((5, 9), bool)):
        circle = field_of_view_circle(mask)
        assert isnan(circle.cx_px)
        assert isnan(circle.radius_px)
        assert circle.roundness == 0


def test_measures_by_hand():
    """A wave of 20 levels around 100, coarser than the blurs of the focus: contrast 20/√2 over 100, little focus."""
    field = np.zeros((256, 300), bool)
    field[FIELD.shape[0] - 340 :, 22:278] = np.hypot(*np.mgrid[-127.5:128, -127.5:128]) <= 128
    wave = 100 + 20 * np.sin(np.arange(300) / 30 * 2 * np.pi)
    picture = np.rint(np.broadcast_to(wave[None, :, None] * [2.0, 1.0, 0.5], (256, 300, 3))).astype(np.uint8)
    found = quality_measures(picture, field, 256)
    assert found["brightness"] == pytest.approx(100 / 255, abs=0.02)
    assert found["redness"] == pytest.approx(2 / 3.5, abs=0.01)
    assert found["saturated"] == 0
    assert found["contrast"] == pytest.approx(
        0.2 / np.sqrt(2), rel=0.05
    )  # a Gaussian of 16 px leaves 0.4 % of the wave
    # A Gaussian of σ leaves exp(-σ²w²/2) of it, w = 2π/30: (0.9783 - 0.9160) / (0.9160 - 0.7040).
    assert found["focus"] == pytest.approx(0.294, abs=0.005)


def test_half_the_light_halves_only_the_brightness():
    one, other = (quality_measures(picture, FIELD, 321.0) for picture in (PICTURE, PICTURE // 2))
    assert other["brightness"] == pytest.approx(one["brightness"] / 2, abs=0.005)
    assert other["contrast"] == pytest.approx(one["contrast"], rel=0.05)
    assert other["focus"] == pytest.approx(one["focus"], rel=0.05)
    assert other["redness"] == pytest.approx(one["redness"], rel=0.02)


def test_what_is_written_on_the_edge_of_the_frame_is_not_measured():
    """Where the frame cuts the field of view, too, a sixteenth of its diameter is left out."""
    picture, field = fundus(260, 400, RADIUS)
    edge = picture.copy()
    edge[:6][field[:6]] = 255
    assert quality_measures(picture, field, 321.0)["saturated"] == 0
    assert quality_measures(edge, field, 321.0)["saturated"] == 0


def test_white_noise_has_a_focus_of_two():
    """Two Gaussians share 1/(2π(σ² + τ²)) of the variance, so a band has a quarter of that of the one twice as fine."""
    noise = np.repeat(RNG.integers(60, 200, (256, 256, 1)), 3, axis=2).astype(np.uint8)
    assert quality_measures(noise, np.hypot(*np.mgrid[-127.5:128, -127.5:128]) <= 128, 256)["focus"] == pytest.approx(
        2, abs=0.1
    )


def test_a_good_photograph():
    found = gradability(PICTURE, FIELD)
    assert found["gradable"] is True
    assert found["reasons"] == []
    assert 0.8 < found["quality_score"] <= 1
    assert (found["fov_cx_px"], found["fov_cy_px"]) == pytest.approx((199.5, 169.5), abs=0.5)


def test_each_fault_has_its_reason():
    whole = gradability(PICTURE, FIELD)["quality_score"]
    for reason, picture in degraded(PICTURE, FIELD):
        found = gradability(picture, FIELD)
        assert reason in found["reasons"]
        assert found["gradable"] is False
        assert found["quality_score"] < 0.5 < whole


def test_more_of_a_fault_lowers_the_score():
    for copies in (
        [blurred(PICTURE, RADIUS, share) for share in (0.006, 0.008, 0.012, 0.02)],
        [flattened(PICTURE, FIELD, share) for share in (0.5, 0.4, 0.2, 0.1)],
        [(share * PICTURE).astype(np.uint8) for share in (0.25, 0.2, 0.1, 0.05)],
    ):
        scores = [gradability(picture, FIELD)["quality_score"] for picture in (PICTURE, *copies)]
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == len(scores)


def test_the_scale_does_not_matter():
    large = cv2.resize(PICTURE, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    field = cv2.resize(FIELD.astype(np.uint8), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST) > 0
    one, other = (quality_measures(*pair) for pair in ((PICTURE, FIELD, 321.0), (large, field, 963.0)))
    assert {**one} == pytest.approx({**other}, rel=0.12)


def test_a_mirrored_photograph_is_as_good():
    one, other = gradability(PICTURE, FIELD), gradability(PICTURE[:, ::-1].copy(), FIELD[:, ::-1])
    assert one["quality_score"] == pytest.approx(other["quality_score"], abs=0.01)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((40, 60, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.full((300, 400, 3), 255, np.uint8),
        RNG.integers(0, 255, (300, 400, 3)).astype(np.uint8),
        np.pad(RNG.integers(0, 255, (200, 300, 3)).astype(np.uint8), ((50, 50), (50, 50), (0, 0))),  # a page on black
    ],
)
def test_what_is_no_photograph_of_an_eye(picture):
    found = gradability(picture, seen_in(picture))
    assert found["quality_score"] == 0
    assert found["reasons"][0] == "field_of_view_not_found"
    assert gradability(picture)["gradable"] is False


def test_a_blank_circle_shows_nothing():
    blank = np.where(FIELD[..., None], np.array([180, 80, 30], np.uint8), np.uint8(0))
    assert {"out_of_focus", "low_contrast"} <= set(gradability(blank, FIELD)["reasons"])


@pytest.mark.parametrize("shape", [(1, 600), (600, 1), (10, 3000), (1, 32_767), (2, 4), (1, 1), (5, 400)])
@pytest.mark.parametrize("level", [0, 200])
def test_thin_photographs_are_ungradable_in_no_time(shape, level):
    """A strip of 600 x 1 px, scaled until its shorter side had 256 px, took gigabytes."""
    picture = np.full((*shape, 3), level, np.uint8)
    start = time.process_time()
    tracemalloc.start()
    found = gradability(picture)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not found["gradable"]
    assert found["quality_score"] == 0
    assert time.process_time() - start < 3
    assert peak < 2**28  # bytes


def test_the_bound_of_the_scaled_photograph_is_where_it_says(monkeypatch):
    """A frame 64 times as long as its field is wide is measured, one pixel more is not."""
    rows, columns = np.mgrid[:20, : 20 * 64 + 1]
    picture = np.repeat(((rows + columns) % 7 * 30).astype(np.uint8)[..., None], 3, axis=-1)
    lit = np.ones(picture.shape[:2], bool)
    assert np.isfinite(quality_measures(picture[:, :-1], lit[:, :-1], 20)["focus"])
    assert np.isnan(list(quality_measures(picture, lit, 20).values())).all()


def test_a_disc_that_is_not_there():
    disc = np.zeros(FIELD.shape, bool)
    found = gradability(PICTURE, FIELD, disc)
    assert (found["quality_score"], found["reasons"]) == (0, ["disc_not_found"])
    disc[100:120, 90:110] = True
    assert gradability(PICTURE, FIELD, disc)["gradable"] is True


@pytest.mark.parametrize("axis", [0, 1])
def test_two_eyes_in_one_picture_are_refused(axis):
    """The numbers would be those of one of them, and the row would not say which."""
    both = np.concatenate([PICTURE, PICTURE[:, ::-1]], axis=axis)
    found = gradability(both, seen_in(both))
    assert found["reasons"] == ["field_of_view_not_alone"]
    assert found["quality_score"] < 0.01
    assert gradability(both, seen_in(both), limits=GradabilityLimits(lit_outside=2))["gradable"] is True


def test_a_label_beside_the_field_of_view_does_no_harm():
    picture = PICTURE.copy()
    picture[5:25, 5:45] = 255  # 1 % of the field
    assert gradability(picture, FIELD)["gradable"] is True


def test_a_small_field_of_view():
    picture, field = fundus(200, 240, 90)
    assert gradability(picture, field)["reasons"] == ["field_of_view_small"]
    assert gradability(picture, field, limits=GradabilityLimits(radius_px=80))["gradable"] is True


def test_the_limits_are_the_users():
    cropped = PICTURE[80:260, 110:290]
    assert gradability(cropped)["reasons"][0] == "field_of_view_not_found"
    lenient = GradabilityLimits(needs_border=False, radius_px=80)
    assert gradability(cropped, limits=lenient)["gradable"] is True
    assert isnan(gradability(cropped, limits=lenient)["fov_radius_px"])
    value = gradability(PICTURE, FIELD, limits=replace(lenient, contrast=0.2))
    assert value["reasons"] == ["low_contrast"]
    with pytest.raises(ValueError, match="^focus: expected a positive limit, but got nan"):
        GradabilityLimits(focus=nan)


def test_a_learned_score_has_a_say_of_its_own():
    """A sharp photograph that a network scores 0.2, at limits on both sides of that; then a blurred one too."""
    limited = GradabilityLimits(learned_quality=0.3)
    for limits, learned, refusing in (
        (limited, 0.2, ["model"]),
        (limited, 0.3, []),
        (limited, nan, []),
        (None, 0.0, []),
    ):
        found = gradability(PICTURE, FIELD, None, limits, learned)
        assert found["gradable"] is not bool(refusing)
        assert found["ungradable_by"] == refusing
        assert found["reasons"] == (["low_quality_score"] if refusing else [])
        assert found["quality_score"] == (learned if refusing else gradability(PICTURE, FIELD)["quality_score"])
    dark = gradability((0.15 * PICTURE).astype(np.uint8), FIELD, None, limited, 0.9)
    assert (dark["ungradable_by"], dark["reasons"]) == (["rules"], ["too_dark"])
    both = gradability((0.15 * PICTURE).astype(np.uint8), FIELD, None, limited, 0.1)
    assert (both["ungradable_by"], both["reasons"]) == (["rules", "model"], ["too_dark", "low_quality_score"])
    assert both["quality_score"] == 0.1
    with pytest.raises(ValueError, match="^learned_quality: expected a limit of at most 1, but got 4"):
        GradabilityLimits(learned_quality=4)


def test_at_the_limit_the_score_is_a_half():
    focus = quality_measures(PICTURE, FIELD, 2 * field_of_view_circle(FIELD).radius_px)["focus"]
    for limits in (GradabilityLimits(focus=focus), GradabilityLimits(noise=focus)):
        assert gradability(PICTURE, FIELD, limits=limits)["quality_score"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((PICTURE[..., 0],), "expected RGB uint8"),
        ((PICTURE / 255.0, FIELD), "expected RGB uint8"),
        ((PICTURE, FIELD[:9]), "^field_of_view: expected the photograph's size"),
        ((PICTURE, FIELD, FIELD.T), "^disc: expected the photograph's size"),
    ],
)
def test_other_input_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        gradability(*arguments)


def real_photographs():
    folders = [SHARED / "idrid_1072" / "images", SHARED / "hrf_av" / "images"]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("needs the photographs in shared/data, which only development machines have")
    for path in (
        *sorted(folders[0].iterdir())[20::120],
        *sorted(folders[1].iterdir())[1::22],
    ):  # not those of the limits
        reduced = cv2.imread(str(path), cv2.IMREAD_COLOR if "idrid" in str(path) else cv2.IMREAD_REDUCED_COLOR_4)
        yield path.name, reduced[..., ::-1].copy()


def test_real_photographs_pass_and_their_degraded_copies_do_not():
    for name, picture in real_photographs():
        field = seen_in(picture)
        assert gradability(picture, field)["reasons"] == [], name
        for reason, copy in degraded(picture, field):
            assert gradability(copy, field)["gradable"] is False, (name, reason)
