"""What the figures of a comparison show, read from matplotlib's objects: looks, learning curves, learning rates."""

from __future__ import annotations

import io
from itertools import combinations
from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fundus_mtl.figures._learning_curves import learning_curves, learning_curves_figure
from fundus_mtl.figures._learning_rate import metric_against_rate, metric_against_rate_figure
from fundus_mtl.figures._look import (
    DPI,
    METHOD_COLOURS,
    PAIR_COLOURS,
    TASK_COLOURS,
    legend,
    method_looks,
    panels,
    png,
    stable_looks,
)
from fundus_mtl.figures._plot_rows import summarise_trainings


def curves():
    """Two methods, two seeds, losses at steps 1 and 2; joint's are 4, 6 and 2, 4, pcgrad's second seed diverged."""
    rows = [
        ("joint", 0, 0, "loss", 1, 4.0), ("joint", 0, 1, "loss", 1, 6.0), ("joint", 0, 0, "loss", 2, 2.0),
        ("joint", 0, 1, "loss", 2, 4.0), ("pcgrad", 0, 0, "loss", 1, 3.0), ("pcgrad", 0, 0, "loss", 2, 1.0),
        ("pcgrad", 0, 1, "loss", 1, inf), ("pcgrad", 0, 0, "dice", 2, 0.5),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "fold", "seed", "metric", "step", "value"])


def trials():
    rows = [("joint", 1e-2, 0, 0.8, 2.0), ("joint", 1e-2, 1, 0.6, 4.0), ("joint", 1e-4, 0, 0.5, nan)]
    return pd.DataFrame([*rows, ("mao", 1e-4, 0, 0.9, 0.1)], columns=["method", "lr", "seed", "dice", "loss"])


def curve_figure(frame=None, methods=None, labels=None, logarithmic=(), spread="std"):
    return learning_curves_figure(curves() if frame is None else frame, methods, labels, logarithmic, spread, "epoch")


def rate_figure(frame=None, metrics=("dice", "loss"), methods=None, logarithmic=(), spread="std"):
    return metric_against_rate_figure(trials() if frame is None else frame, metrics, methods, None, logarithmic, spread)


def points(axes, look):
    (line,) = (line for line in axes.lines if line.get_color() == look.color)
    assert (line.get_marker(), line.get_markevery()[1]) == (look.marker, 1)
    return line.get_xydata().tolist()


def words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("look, colours", [(method_looks, METHOD_COLOURS), (stable_looks, TASK_COLOURS)])
def test_lines_differ_in_colour_and_in_grey(look, colours):
    names = [f"method {i}" for i in range(35)]
    found = look(names)
    assert list(found) == names
    assert len({(look.color, look.linestyle) for look in found.values()}) == 35
    assert len({(look.linestyle, look.marker) for look in found.values()}) == 35  # what is left on grey paper
    first = list(look(names[:5]).values())
    assert all(one.linestyle != other.linestyle and one.marker != other.marker for one, other in combinations(first, 2))
    assert max(map(luminance, colours)) < 0.6  # white is 1; Okabe and Ito's yellow is 0.74
    assert luminance("#F0E442") > 0.6


BUNDLES = [
    ("disc", "cup", "fovea", "glaucoma", "quality"), ("segmentation", "glaucoma"), ("artery_vein", "vessel"),
    ("even", "odd"), ("left", "right"),
]  # fmt: skip


@pytest.mark.parametrize("tasks", BUNDLES, ids=" ".join)
def test_a_task_has_one_look_whatever_others_there_are(tasks):
    looks = stable_looks(tasks)
    assert looks == stable_looks(tasks[::-1])
    assert list(looks) == list(tasks)
    for task in tasks:
        assert stable_looks([task])[task] == looks[task]
    for values in zip(*looks.values(), strict=True):  # colours, dashes, markers
        assert len(set(values)) == len(tasks)


@given(st.lists(st.text(max_size=3), unique=True, max_size=12), st.randoms())
def test_looks_do_not_depend_on_the_order(names, random):
    looks = stable_looks(names)
    assert len(set(looks.values())) == len(names)
    assert looks == stable_looks(random.sample(names, len(names)))


def test_no_colour_is_in_two_palettes():
    palettes = [METHOD_COLOURS, TASK_COLOURS, PAIR_COLOURS]
    assert all(not set(map(str.upper, one)) & set(map(str.upper, other)) for one, other in combinations(palettes, 2))


def test_curves_by_hand():
    figure = curve_figure(labels={"dice": "Dice (no unit)"})
    loss, dice = figure.axes
    look = method_looks(["joint", "pcgrad"])
    assert points(loss, look["joint"]) == [[1, 5], [2, 3]]
    assert points(loss, look["pcgrad"]) == [[1, 3], [2, 1]]
    assert points(dice, look["pcgrad"]) == [[2, 0.5]]
    assert len(dice.lines) == 1
    (band,) = loss.collections  # none for pcgrad, of which one training is left
    corners = band.get_paths()[0].vertices
    assert sorted(set(corners[:, 1].round(6))) == pytest.approx([3 - 2**0.5, 5 - 2**0.5, 3 + 2**0.5, 5 + 2**0.5])
    assert (loss.get_ylabel(), dice.get_ylabel(), loss.get_xlabel()) == ("loss", "Dice (no unit)", "epoch")
    assert words(figure) == ["joint (n = 2)", "pcgrad (n = 1)"]
    assert "± 1 standard deviation" in figure.get_suptitle()
    assert (loss.get_yscale(), dice.get_yscale()) == ("linear", "linear")


def test_the_range_and_a_logarithmic_axis():
    figure = curve_figure(logarithmic=["loss"], spread="range")
    (band,) = figure.axes[0].collections
    corners = band.get_paths()[0].vertices
    assert set(corners[:, 1]) == {2, 4, 6}
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[1].get_yscale() == "linear"
    assert "lowest to highest" in figure.get_suptitle()
    below = curves().assign(value=lambda frame: frame["value"] - 2)  # joint's mean at 2 is 1, its band reaches below 0
    axes = curve_figure(below, logarithmic=["loss", "dice"]).axes
    assert axes[0].get_ylim()[0] == pytest.approx(0.9)  # just below 1
    assert axes[1].get_yscale() == "linear"  # nothing above zero


def test_a_step_logged_twice_counts_once():
    again = pd.DataFrame([("joint", 0, 0, "loss", 2, 1.0)], columns=curves().columns)
    figure = curve_figure(pd.concat([curves(), again]))
    assert points(figure.axes[0], method_looks(["joint"])["joint"]) == [[1, 5], [2, 2.5]]
    unnumbered, folds = curves().assign(fold=nan), curves().rename(columns={"fold": "seed", "seed": "fold"})
    for frame in unnumbered, folds:
        assert points(curve_figure(frame).axes[0], method_looks(["joint"])["joint"]) == [[1, 5], [2, 3]]


def test_folds_and_seeds_are_trainings():
    frame = pd.DataFrame({"(fold, seed)": ["0,0", "0,1", "1,0"], "lr": 1.0, "x": [1.0, 2.0, 6.0]})
    assert summarise_trainings(frame, "lr", "x", "std").loc[1.0].tolist() == pytest.approx(
        [3, 3 - 7**0.5, 3 + 7**0.5, 3]
    )
    with pytest.raises(ValueError, match="spread: expected one of std, range, but got 'sem'"):
        summarise_trainings(frame, "lr", "x", "sem")


def test_a_method_looks_the_same_in_every_figure():
    names = ["mao", "joint", "pcgrad"]
    look = method_looks(names)
    assert points(curve_figure(methods=names).axes[0], look["pcgrad"]) == [[1, 3], [2, 1]]
    assert points(rate_figure(methods=names).axes[0], look["mao"]) == [[1e-4, 0.9]]
    handles = curve_figure(methods=names).legends[0].get_lines()
    assert [line.get_color() for line in handles] == [look["joint"].color, look["pcgrad"].color]  # mao has no curve
    assert [line.get_linestyle() for line in handles] == ["--", "-."]


def test_rates_by_hand():
    dice, loss = (figure := rate_figure(logarithmic=["loss"])).axes
    look = method_looks(["joint", "mao"])
    assert np.allclose(points(dice, look["joint"]), [[1e-4, 0.5], [1e-2, 0.7]])
    assert points(loss, look["joint"]) == [[1e-2, 3]]
    assert (dice.get_xscale(), loss.get_xscale(), dice.get_yscale(), loss.get_yscale()) == (
        "log",
        "log",
        "linear",
        "log",
    )
    assert "learning rate" in dice.get_xlabel()
    assert words(figure) == ["joint (n = 2)", "mao (n = 1)"]
    frame = trials().assign(loss=nan)
    assert [text.get_text() for text in rate_figure(frame).axes[1].texts] == ["not measured"]


def test_nothing_to_draw():
    for frame in pd.DataFrame(), curves().iloc[:0], curves().assign(value=nan):
        assert learning_curves(frame) is None
    assert metric_against_rate(pd.DataFrame(), ["dice"]) is None
    assert metric_against_rate(trials().assign(dice=inf), ["dice"]) is None
    assert png(None) is None


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="curves: expected the columns method, .*, but got no fold, value\\."):
        learning_curves(curves().drop(columns=["fold", "value"]))
    with pytest.raises(ValueError, match="expected a method in each row, but got 2 without"):
        learning_curves(curves().replace({"method": {"pcgrad": None}}).drop(index=[4, 5]))
    with pytest.raises(ValueError, match="trials: expected the columns .*, but got no auc"):
        metric_against_rate(trials(), ["auc"])
    with pytest.raises(ValueError, match="expected learning rates above 0, but got 0.0"):
        metric_against_rate(trials().replace({"lr": {1e-4: 0.0}}), ["dice"])


@pytest.mark.parametrize("draw", [lambda: learning_curves(curves()), lambda: metric_against_rate(trials(), ["dice"])])
def test_the_same_rows_are_the_same_bytes(draw):
    first = draw()
    assert first.startswith(b"\x89PNG")
    assert first == draw()
    picture = Image.open(io.BytesIO(first))
    assert set(picture.info) == {"dpi"}  # neither time nor software
    assert round(picture.info["dpi"][0]) == DPI


def test_names_are_no_formulas_and_the_legend_is_beside_the_data():
    nasty = curves().replace({"method": {"joint": "a$x_{$b", "pcgrad": "_hidden"}, "metric": {"loss": r"$\bad"}})
    figure = curve_figure(nasty)
    assert png(figure).startswith(b"\x89PNG")
    assert words(figure)[1] == "_hidden (n = 1)"
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert all(not box.overlaps(axes.get_window_extent()) for axes in figure.axes)
    figure, _ = panels(4)
    assert len(figure.axes) == 4
    legend(figure, {})
    assert not figure.legends
