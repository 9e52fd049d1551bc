"""A scale is believed only within anatomy."""

from __future__ import annotations

from math import inf, isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundus_mtl.biomarkers import implausible_scale, in_millimetres

WIDTH, HEIGHT, DISC = 2124, 2056, 300  # REFUGE's Zeiss camera


@pytest.mark.parametrize(
    "scale, width, disc",
    [
        (0.006, 2124, 300),  # Zeiss Visucam, 45 degrees: 12.7 mm, a disc of 1.8 mm
        (0.0076, 1634, 250),  # Canon CR-2
        (0.014, 3900, 130),  # ultra-widefield, 55 mm
        (0.004, 500, 450),  # a window around the disc, 2 mm
        (0.05, 256, 36),  # a reduced picture
        (0.006, 2124, nan),  # no disc was found
    ],
)
def test_scales_of_real_cameras(scale: float, width: int, disc: float) -> None:
    assert implausible_scale((scale, scale), width, width, disc) is None
    assert implausible_scale((scale, 1.2 * scale), width, width * 4 // 5, disc) is None


@pytest.mark.parametrize(
    "scale, reason",
    [
        ((6, 6), "a scale of 6 x 6 mm per px makes the photograph 1.274e+04 mm long; is it in micrometres?"),
        ((1, 1), "a scale of 1 x 1 mm per px makes the photograph 2124 mm long; is it in micrometres?"),
        ((0.06, 0.06), "a scale of 0.06 x 0.06 mm per px makes the photograph 127.4 mm long; is it in micrometres?"),
        ((6e-6, 6e-6), "a scale of 6e-06 x 6e-06 mm per px makes the photograph 0.013 mm long; is it in another unit?"),
        ((1e300, 1e300), "is it in micrometres?"),
        ((1e-300, 1e-300), "is it in another unit?"),
        ((0.03, 0.03), "makes the disc 9 mm long; is it in micrometres?"),
        ((0.001, 0.001), "makes the disc 0.3 mm long; is it in another unit?"),
        ((0.006, 0.0125), "makes pixels that are far from square"),
        ((0.006, 0.002), "makes pixels that are far from square"),
        ((0.006, -0.006), "is not positive"),
        ((0.006, nan), "is not positive"),
        ((inf, 0.006), "is not positive"),
        ((0, 0), "is not positive"),
    ],
)
def test_scales_that_cannot_be_right(scale: tuple[float, float], reason: str) -> None:
    assert (implausible_scale(scale, WIDTH, HEIGHT, DISC) or "").endswith(reason)


def test_the_issues_disc_of_126_mm() -> None:
    """A disc 21 px high in a drawing of 180 x 150 px; at 6 micrometres per pixel the drawing itself is too small."""
    assert in_millimetres({"disc_height_px": 21}, (6, 6))["disc_height_mm"] == 126
    assert "is it in micrometres?" in str(implausible_scale((6, 6), 180, 150, 21))
    assert "is it in another unit?" in str(implausible_scale((0.006, 0.006), 180, 150, 21))


@given(st.floats(), st.floats(), st.integers(1, 32767), st.integers(1, 32767), st.floats(0, 32767) | st.just(nan))
def test_what_is_plausible_gives_plausible_lengths(x: float, y: float, width: int, height: int, disc: float) -> None:
    reason = implausible_scale((x, y), width, height, disc)
    if reason is None:
        assert 1.5 <= max(width * x, height * y) <= 80
        assert not disc >= 0 or 0.5 <= disc * y <= 5
        assert 0.5 <= x / y <= 2 or isclose(max(x / y, y / x), 2)
    else:
        assert reason.isprintable()
        assert len(reason) < 200
