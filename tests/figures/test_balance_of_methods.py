"""Balance and conflict, method by method, read from matplotlib's objects."""

from __future__ import annotations

from itertools import combinations
from math import nan

import numpy as np
import pandas as pd
import pytest
import torch

from fundus_mtl.figures._balance_of_methods import balance_of_methods, balance_of_methods_figure
from fundus_mtl.figures._layers_of_methods import layers_of_methods, layers_of_methods_figure
from fundus_mtl.figures._look import METHOD_COLOURS, TASK_COLOURS
from fundus_mtl.handlers._balance_measure import Balance
from fundus_mtl.handlers._balance_table import BalanceTable

TASKS = ("artery_vein", "vessel", "cup")  # an underscore, which makes a pair's column ambiguous to who only reads it


def steps(method, seed=0, count=3, scale=1.0, tasks=TASKS):
    """Gradients 1, 10, 100 and contributions 1, 2, 3 times a scale; cosines rise from -0.5 to 0.5."""
    frame = pd.DataFrame({"method": method, "fold": 0, "seed": seed, "iteration": 1 + 50 * np.arange(count)})
    for i, task in enumerate(tasks):
        frame[f"gradient_mean_{task}"] = scale * 10.0**i
        frame[f"contribution_{task}"] = scale * (1.0 + i)
    for one, other in combinations(tasks, 2):
        frame[f"cosine_{one}_{other}"] = np.linspace(-0.5, 0.5, count)
    return frame.assign(conflict_rate=0.25)


def layers():
    rows = [
        ("joint", 0, 1, "disc", "stem", 1.0, 0.1), ("joint", 0, 51, "disc", "stem", 3.0, 0.3),
        ("joint", 0, 1, "cup", "stem", 100.0, 0.2), ("joint", 0, 1, "cup", "head", 5.0, nan),
        ("joint", 1, 1, "disc", "stem", 5.0, 0.2), ("mao", 0, 1, "disc", "head", 7.0, nan),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "seed", "iteration", "task", "layer", "gradient", "contribution"])


def grid(figure, columns=3):
    return np.array(figure.axes).reshape(-1, columns)


def labelled(axes):
    return [list(line.get_ydata()) for line in axes.lines]


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_lines_by_hand():
    frame = pd.concat([steps("joint"), steps("joint", 1, scale=3.0), steps("mao")])
    figure = balance_of_methods_figure(frame, ["mao", "pcgrad", "joint"])
    (mao, joint) = grid(figure)
    assert labelled(joint[0]) == [[2, 2, 2], [20, 20, 20], [200, 200, 200]]
    assert labelled(joint[1]) == [[2, 2, 2], [4, 4, 4], [6, 6, 6]]
    assert labelled(mao[1]) == [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
    assert labelled(mao[2])[:4] == [[-0.5, 0, 0.5]] * 3 + [[0.25] * 3]
    assert mao[0].lines[0].get_xdata().tolist() == [1, 51, 101]
    assert [axes.get_title(loc="left") for axes in (mao[0], joint[0])] == ["mao (n = 1)", "joint (n = 2)"]
    assert [len(axes.collections) for axes in joint] == [3, 3, 0]  # cosines have no bands
    assert not mao[0].collections
    band = joint[1].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((2 - 2**0.5, 2 + 2**0.5))


def test_axes_are_shared_and_named():
    figure = balance_of_methods_figure(pd.concat([steps("joint"), steps("mao", scale=2.0)]), None)
    joint, mao = grid(figure)
    assert joint[0].get_yscale() == mao[0].get_yscale() == "log"
    assert joint[1].get_yscale() == mao[1].get_yscale() == "linear"  # from 1 to 6
    assert [axes.get_ylim() for axes in joint] == [axes.get_ylim() for axes in mao]
    assert mao[1].get_ylim() == pytest.approx((0, 6.3))
    assert mao[2].get_ylim() == (-1.05, 1.05)
    assert "loss per unit of weight" in mao[0].get_ylabel()
    assert "units of weight per step" in mao[1].get_ylabel()
    assert mao[2].get_xlabel() == "iteration"
    tasks, pairs = figure.legends
    assert texts(tasks) == list(TASKS)
    assert texts(pairs) == [
        "cosine artery vein, vessel", "cosine artery vein, cup", "cosine vessel, cup", "conflict rate",
    ]  # fmt: skip
    assert {line.get_color() for line in tasks.get_lines()} <= set(TASK_COLOURS)
    assert not set(TASK_COLOURS) & set(METHOD_COLOURS)  # a task does not look like a method


def test_many_measurements_are_smoothed():
    frame = steps("joint", count=60)
    frame["gradient_mean_cup"] = np.tile([1.0, 3.0], 30)
    figure = balance_of_methods_figure(frame, None)
    cup = np.array(labelled(figure.axes[0])[2])
    assert cup[5:-5] == pytest.approx(np.full(50, 2))
    assert "running means" in figure.get_suptitle()
    assert "running means" not in balance_of_methods_figure(frame[:39], None).get_suptitle()


def test_pairs_are_found_in_either_order_and_many_become_their_mean():
    frame = steps("joint").rename(columns={"cosine_vessel_cup": "cosine_cup_vessel"})
    assert (
        len(labelled(grid(balance_of_methods_figure(frame, None))[0, 2])) == 3 + 1 + 1
    )  # pairs, rate, the line at zero
    both = frame.assign(cosine_vessel_cup=[0.9, nan, nan])  # of two trainings, say, with their tasks in another order
    both.loc[0, "cosine_cup_vessel"] = nan
    assert labelled(balance_of_methods_figure(both, None).axes[2])[2] == [0.9, 0, 0.5]
    many = steps("joint", tasks=tuple("abcdef"))
    many["cosine_e_f"] = [1.0, 1.0, 1.0]
    figure = balance_of_methods_figure(many, None)
    assert texts(figure.legends[1]) == ["mean cosine of 15 pairs", "conflict rate"]
    assert labelled(figure.axes[2])[0] == pytest.approx([(1 - 14 * 0.5) / 15, 1 / 15, (1 + 14 * 0.5) / 15])


def test_what_is_not_known_is_said():
    frame = steps("joint", tasks=("cup",)).drop(columns=["contribution_cup", "conflict_rate"])
    _, contribution, cosine = balance_of_methods_figure(frame, None).axes
    assert [text.get_text() for axes in (contribution, cosine) for text in axes.texts] == ["not known"] * 2
    gaps = steps("joint")
    gaps.loc[1, "gradient_mean_cup"] = nan  # without a label at that step
    assert balance_of_methods_figure(gaps, None).axes[0].lines[2].get_xdata().tolist() == [1, 101]


def test_layers_by_hand():
    figure = layers_of_methods_figure(layers(), ["mao", "joint"])
    mao, joint = grid(figure, 2)
    disc, cup = (line.get_ydata() for line in joint[0].lines)
    assert disc.tolist() == pytest.approx([3, nan], nan_ok=True)  # 1, 3 and 5
    assert cup.tolist() == [100, 5]
    assert [line.get_ydata()[0] for line in joint[1].lines] == pytest.approx([0.2, 0.2])
    assert [label.get_text() for label in joint[0].get_xticklabels()] == ["stem", "head"]
    assert [text.get_text() for text in mao[1].texts] == ["not known"]
    assert (joint[0].get_yscale(), joint[1].get_yscale()) == ("log", "linear")
    left, right = (line.get_xdata()[0] for line in joint[0].lines)
    assert -0.5 < left < 0 < right < 0.5  # side by side, in the place of the first layer
    assert [axes.get_title(loc="left") for axes in (mao[0], joint[0])] == ["mao (n = 1)", "joint (n = 2)"]
    assert texts(figure.legends[0]) == ["disc", "cup"]


def test_the_tables_of_a_training_are_read(tmp_path):
    """What the handler writes is what the figures want: three tasks, of which the second has no label."""
    tasks, unknown = ("artery_vein", "fovea", "cup"), float("nan")
    per_task, per_layer = (
        torch.tensor([1.0, unknown, 3.0]),
        torch.tensor([[1.0, 2], [unknown, unknown], [3.0, unknown]]),
    )
    cosines = torch.full((3, 3), -0.5).double()
    balance = Balance(tasks, frozenset({"artery_vein", "cup"}), ("stem", "head"), per_task, per_task, per_task / 10,
                      per_layer, per_layer / 10, cosines, cosines.expand(2, 3, 3))  # fmt: skip
    table = BalanceTable(tmp_path)
    table.add(1, balance)
    table.write()
    frame, of_layers = (
        pd.read_csv(tmp_path / name).assign(method="mao") for name in ("balance_steps.csv", "balance.csv")
    )
    gradient, contribution, cosine = balance_of_methods_figure(frame, None).axes
    assert labelled(gradient) == [[1], [3]]
    assert np.allclose(labelled(contribution), [[0.1], [0.3]])
    assert labelled(cosine)[:2] == [[-0.5], [1]]
    assert np.allclose(labelled(layers_of_methods_figure(of_layers, None).axes[0]), [[1, 2], [3, nan]], equal_nan=True)


def test_nothing_to_draw_and_what_is_refused():
    unknown = steps("joint")
    unknown.loc[:, "gradient_mean_artery_vein":] = nan
    for nothing in pd.DataFrame(), unknown.iloc[:0], unknown:
        assert balance_of_methods(nothing) is None
    with pytest.raises(ValueError, match="steps: expected the columns method, .*, but got no iteration"):
        balance_of_methods(steps("joint").drop(columns="iteration"))
    with pytest.raises(ValueError, match="but got no gradient_mean_<task>"):
        balance_of_methods(steps("joint", tasks=()))
    for nothing in pd.DataFrame(), layers().iloc[:0], layers().assign(gradient=nan, contribution=nan):
        assert layers_of_methods(nothing) is None
    with pytest.raises(ValueError, match="table: expected the columns .*, but got no layer"):
        layers_of_methods(layers().drop(columns="layer"))


@pytest.mark.parametrize("draw", [lambda: balance_of_methods(steps("joint")), lambda: layers_of_methods(layers())])
def test_the_same_rows_are_the_same_bytes(draw):
    first = draw()
    assert first.startswith(b"\x89PNG")
    assert first == draw()
