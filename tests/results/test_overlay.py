"""Outlines and crosses where they belong, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from fundus_mtl.results import draw_overlay

RED, BLUE = (255, 0, 0), (0, 0, 255)
GREY = np.full((60, 100, 3), 128, np.uint8)


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(GREY.shape[:2], bool)
    mask[rows, columns] = True
    return mask


def pure(picture: np.ndarray, colour: tuple[int, int, int]) -> set[tuple[int, int]]:
    """Return the pixels (y, x) of a primary colour; lines are smoothed, so that no pixel has it exactly."""
    hit = ((picture > 128) == (np.array(colour) > 128)).all(axis=2)
    return {(int(y), int(x)) for y, x in np.argwhere(hit)}


def test_an_outline_lies_on_the_border_of_its_mask() -> None:
    drawn = draw_overlay(GREY, {"disc": box(slice(10, 31), slice(20, 61))}, colours=(RED,))
    border = {(y, x) for y in range(10, 31) for x in range(20, 61) if y in (10, 30) or x in (20, 60)}
    assert pure(drawn, RED) == border
    assert (drawn[20, 40] == 128).all()  # inside
    assert (drawn[45:, :] == 128).all()
    assert (drawn[:, 70:] == 128).all()
    assert (drawn[9, 30:50] < 80).all()  # the dark line around the light one
    assert (drawn[11, 30:50] < 80).all()


def test_a_cross_leaves_its_centre_open() -> None:
    drawn = draw_overlay(GREY, points={"fovea": (70.2, 25.4)}, colours=(BLUE,))
    places = pure(drawn, BLUE)
    assert {x for y, x in places if y != 25} == {70}
    assert {y for y, x in places if x != 70} == {25}
    assert (25, 70) not in places
    ys, xs = (np.array([place[axis] for place in places]) for axis in (0, 1))
    assert (ys.min() + ys.max(), xs.min() + xs.max()) == (50, 140)


@pytest.mark.parametrize("point", [(np.nan, 3.0), (-1.0, 3.0), (100.0, 3.0), (3.0, 60.0)])
def test_a_point_that_is_nowhere_is_left_out(point: tuple[float, float]) -> None:
    assert (draw_overlay(GREY, points={"fovea": point}) == GREY).all()


def test_an_empty_mask_changes_nothing_but_keeps_the_next_ones_colour() -> None:
    drawn = draw_overlay(
        GREY, {"disc": box(slice(0), slice(0)), "cup": box(slice(5, 9), slice(5, 9))}, colours=(RED, BLUE)
    )
    assert not pure(drawn, RED)
    assert pure(drawn, BLUE)


def test_lines_grow_with_the_picture_and_large_ones_get_a_legend() -> None:
    def drawn_rows(scale: int) -> tuple[int, bool]:
        picture = np.full((400 * scale, 600 * scale, 3), 128, np.uint8)
        mask = np.zeros(picture.shape[:2], bool)
        mask[100 * scale : 200 * scale, 100 * scale : 300 * scale] = True
        drawn = draw_overlay(picture, {"disc": mask}, colours=(RED,))
        return len([place for place in pure(drawn, RED) if place[1] == 200 * scale]), (
            drawn[300 * scale :, : 100 * scale] != 128
        ).any()

    (small, small_legend), (large, large_legend) = drawn_rows(1), drawn_rows(5)
    assert large >= 4 * small
    assert small_legend
    assert large_legend


def test_the_picture_handed_over_is_not_changed() -> None:
    before = GREY.copy()
    draw_overlay(GREY, {"disc": box(slice(10, 20), slice(10, 20))}, {"fovea": (50, 30)})
    assert (before == GREY).all()


def test_one_pixel() -> None:
    assert draw_overlay(np.zeros((1, 1, 3), np.uint8), {"disc": np.ones((1, 1), bool)}, {"fovea": (0, 0)}).shape == (
        1,
        1,
        3,
    )


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mask cup: expected the picture's size \(60, 100\), but got \(100, 60\)"):
        draw_overlay(GREY, {"cup": np.zeros((100, 60))})
    with pytest.raises(ValueError, match=r"expected an RGB picture \(H, W, 3\), but got \(3, 60, 100\)"):
        draw_overlay(np.moveaxis(GREY, -1, 0))
