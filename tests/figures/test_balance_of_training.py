"""What the two figures show, read from matplotlib's objects."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from fundus_mtl.figures._balance_of_methods import balance_of_methods_figure
from fundus_mtl.figures._balance_of_training import CONTRIBUTION, GRADIENT, layers_of_training, steps_of_training
from fundus_mtl.figures._roc_of_scores import roc_of_scores

NAN = float("nan")
LAYERS = pd.DataFrame(
    [
        (1, "disc", "stem", 1.0, 0.1, 1.0), (1, "cup", "stem", 10.0, 0.2, 1.0), (1, "disc", "head", 2.0, NAN, NAN),
        (3, "disc", "stem", 3.0, 0.3, 0.0), (3, "cup", "stem", 1000.0, 0.4, 0.0), (3, "disc", "head", 4.0, 0.5, NAN),
    ],
    columns=["iteration", "task", "layer", "gradient", "contribution", "conflicts"],
)  # fmt: skip


def steps(count=4, tasks=("disc", "cup", "fovea")):
    table = pd.DataFrame({"iteration": np.arange(1, count + 1)})
    for i, task in enumerate(tasks):
        table[f"gradient_mean_{task}"] = 10.0**i * np.arange(1, count + 1)
        table[f"contribution_{task}"] = 1.0 + i
        for other in tasks[i + 1 :]:
            table[f"cosine_{task}_{other}"] = np.linspace(-0.5, 0.5, count)
    return table.assign(conflict_rate=0.25)


def widths(axes, task):
    (bars,) = (c for c in axes.containers if c.get_label() == task)
    return {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in bars}


def test_bars_are_averages_over_the_training():
    left, right = layers_of_training(LAYERS, ["head", "stem"]).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["head", "stem"]
    assert widths(left, "disc") == {0: 3.0, 1: 2.0}
    assert widths(left, "cup")[1] == 505.0
    assert np.isnan(widths(left, "cup")[0])  # the head is not cup's: no bar, not one of length zero
    assert widths(right, "disc") == {0: 0.5, 1: pytest.approx(0.2)}
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first layer on top


def test_bars_are_labelled():
    figure = layers_of_training(LAYERS)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["stem", "head"]  # as they come
    assert (left.get_xlabel(), right.get_xlabel(), left.get_ylabel()) == (GRADIENT, CONTRIBUTION, "layer")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["disc", "cup"]
    assert (left.get_xscale(), right.get_xscale()) == ("log", "linear")  # 505 by 2; 0.5 by 0.2
    assert right.get_xlim()[0] == 0
    assert "2 measurements up to iteration 3" in figure.get_suptitle()
    disc, cup = (c.patches[0] for c in left.containers)
    assert disc.get_facecolor() != cup.get_facecolor()
    assert disc.get_hatch() != cup.get_hatch()


def test_tasks_do_not_cover_each_other():
    left, _ = layers_of_training(LAYERS).axes
    spans = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for c in left.containers for bar in c)
    assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(spans))


def test_lines_over_the_iterations():
    table = steps()
    table.loc[[0, 2], "gradient_mean_cup"] = NAN
    figure = steps_of_training(table, ["disc", "cup", "fovea"])
    gradient, contribution, cosine = figure.axes
    lines = {line.get_label(): line for line in gradient.lines}
    assert list(lines) == ["disc", "cup", "fovea"]
    assert lines["disc"].get_ydata().tolist() == [1, 2, 3, 4]
    assert lines["cup"].get_xydata().tolist() == [[2, 20], [4, 40]]  # joined over the gap
    assert (
        len({line.get_color() for line in gradient.lines}) == len({line.get_marker() for line in gradient.lines}) == 3
    )
    assert gradient.get_yscale() == "log"
    assert contribution.get_yscale() == "linear"
    assert [axes.get_xlabel() for axes in figure.axes] == ["iteration"] * 3
    assert (gradient.get_ylabel(), contribution.get_ylabel()) == (GRADIENT, CONTRIBUTION)
    assert cosine.get_ylabel() == "cosine (no unit), share of pairs in conflict"
    labels = [text.get_text() for text in cosine.get_legend().get_texts()]
    assert labels == ["cosine disc, cup", "cosine disc, fovea", "cosine cup, fovea", "conflict rate"]
    assert "running" not in figure.get_suptitle()


def test_many_measurements_are_smoothed_and_shown_pale():
    table = steps(100)
    table["gradient_mean_disc"] = np.tile([1.0, 3.0], 50)
    figure = steps_of_training(table, ["disc"])
    pale, smooth = figure.axes[0].lines
    assert pale.get_alpha() < 1
    assert set(pale.get_ydata()) == {1, 3}
    assert smooth.get_label() == "disc"
    assert smooth.get_ydata()[5:-5] == pytest.approx(2)  # a window of ten
    assert "running means" in figure.get_suptitle()


def test_many_pairs_become_one_mean():
    tasks = [f"t{i}" for i in range(6)]
    table = steps(3, tasks)
    table["cosine_t0_t1"] = [1.0, 1.0, 1.0]
    cosine = steps_of_training(table, tasks).axes[2]
    mean, rate, _ = cosine.lines
    assert mean.get_label() == "mean cosine of 15 pairs"
    assert mean.get_ydata() == pytest.approx([(1 - 14 * 0.5) / 15, 1 / 15, (1 + 14 * 0.5) / 15])
    assert rate.get_label() == "conflict rate"


def test_one_task_and_what_is_not_known():
    table = steps(2, ["disc"]).drop(columns="conflict_rate").assign(contribution_disc=NAN)
    _, contribution, cosine = steps_of_training(table, ["disc"]).axes
    assert [text.get_text() for text in contribution.texts] == ["not known"]
    assert [text.get_text() for text in cosine.texts] == ["no pair of tasks"]
    figure = layers_of_training(LAYERS.assign(contribution=NAN))
    assert [text.get_text() for text in figure.axes[1].texts] == ["not known"]


def test_a_task_looks_the_same_in_a_training_and_in_a_comparison():
    """Whatever the order of the tasks, and whether or not a method knows all of them."""
    tasks = ["disc", "cup", "fovea"]
    training = {line.get_label(): line for line in steps_of_training(steps(), tasks).axes[0].lines}
    several = steps(tasks=("fovea", "disc", "cup")).assign(method="joint", fold=0, seed=0)
    compared = balance_of_methods_figure(several, None)
    (box, _) = compared.legends
    legend = {text.get_text(): line for text, line in zip(box.get_texts(), box.get_lines(), strict=True)}
    left, _ = layers_of_training(LAYERS).axes
    bars = {container.get_label(): container.patches[0].get_facecolor() for container in left.containers}
    rows = [{"cup_true": label, "glaucoma_prob_classifier": score} for label, score in ((0, 0.1), (1, 0.9))]
    roc = roc_of_scores(rows, "cup_true").axes[0].lines[0]
    for task in tasks:
        assert training[task].get_color() == legend[task].get_color()
        assert training[task].get_marker() == legend[task].get_marker()
        assert training[task].get_linestyle() == legend[task].get_linestyle()
    for task, colour in bars.items():
        assert to_hex(colour) == training[task].get_color().lower()
    assert roc.get_color() == training["cup"].get_color()
