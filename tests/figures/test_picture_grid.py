"""Which cases are shown, and what is in the cells of the panel."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fundus_mtl.figures._picture_grid import WIDEST_PX, picture_grid, picture_grid_figure
from fundus_mtl.figures._quartile_cases import quartile_cases


def table(**values):
    """One row per case of each method; the ids are a, b, c and so on."""
    return pd.DataFrame(
        [("abcdefghi"[i], method, value) for method, column in values.items() for i, value in enumerate(column)],
        columns=["id", "method", "dice"],
    )


def grey(level, height=6, width=9):
    return np.full((height, width, 3), level, dtype=np.uint8)


def pictures():
    cells = [[grey(1), grey(2), grey(3)], [grey(4, 9, 9), None, grey(6)]]
    return pd.DataFrame(cells, index=["b$x$", 7], columns=["photograph", "truth", "joint"], dtype=object)


def test_quartiles_by_hand():
    five = table(joint=[0.5, 0.1, 0.9, 0.3, 0.7])
    assert quartile_cases(five, "dice") == {"b": (0.0,), "d": (0.25,), "a": (0.5,), "e": (0.75,), "c": (1.0,)}
    assert list(quartile_cases(five, "dice")) == ["b", "d", "a", "e", "c"]
    four = table(joint=[0.1, 0.2, 0.3, 0.4])  # between 0.2 and 0.3, equally near: the higher
    assert quartile_cases(four, "dice", (0.5, 0.2)) == {"c": (0.5,), "b": (0.2,)}


def test_the_mean_is_over_methods_not_over_trainings():
    a, b = 0.0, 0.4
    frame = pd.concat([table(x=[a, b]), table(y=[0.9, 0.3]), table(y=[0.9, 0.3]), table(y=[0.9, 0.3])])
    assert quartile_cases(frame, "dice", (0, 1)) == {"b": (0,), "a": (1,)}  # 0.35 and 0.45; by rows 0.675 and 0.325
    frame = pd.concat([table(x=[0.0, 0.6]), table(y=[0.8, 0.3]), table(y=[0.8, 0.3]), table(y=[0.8, 0.3])])
    assert quartile_cases(frame, "dice", (0, 1)) == {"a": (0,), "b": (1,)}  # 0.4 and 0.45; by rows 0.6 and 0.375


def test_ties_are_by_id_and_few_cases_stand_for_several_shares():
    tied = table(joint=[0.5] * 5).iloc[::-1]
    assert list(quartile_cases(tied, "dice")) == list("abcde")
    assert quartile_cases(table(joint=[0.5]), "dice") == {"a": (0.0, 0.25, 0.5, 0.75, 1.0)}
    assert quartile_cases(table(joint=[0.2, 0.1]), "dice") == {"b": (0.0, 0.25), "a": (0.5, 0.75, 1.0)}


def test_cases_that_not_every_method_has_are_not_ranked():
    frame = table(joint=[0.1, 0.2, 0.3], mao=[nan, 0.2, 0.3], crashed=[nan, np.inf, nan])
    assert list(quartile_cases(frame, "dice")) == ["b", "c"]
    for nothing in pd.DataFrame(), frame.iloc[:0], frame.assign(dice=nan), table(x=[nan, 1], y=[1, nan]):
        assert quartile_cases(nothing, "dice") == {}


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(ValueError, match="cases: expected the columns id, method, auc, but got no auc"):
        quartile_cases(table(joint=[1]), "auc")
    with pytest.raises(ValueError, match="shares: expected numbers from 0 to 1, but got 25"):
        quartile_cases(table(joint=[1]), "dice", (25,))


def test_the_panel_by_hand():
    values = pd.DataFrame({"joint": [0.25, nan]}, index=["b$x$", 7])
    figure = picture_grid_figure(pictures(), {7: "50 %\n7"}, values, "Dice {:.2f}")
    cells = np.array(figure.axes).reshape(2, 3)
    shown = [[int(cell.images[0].get_array()[0, 0, 0]) if cell.images else None for cell in line] for line in cells]
    assert shown == [[1, 2, 3], [4, None, 6]]
    assert [cell.get_title() for cell in cells[0]] == ["photograph", "truth", "joint"]
    assert [cell.get_ylabel() for cell in cells[:, 0]] == [r"b\$x\$", "50 %\n7"]
    assert [cell.get_xlabel() for cell in cells[:, 2]] == ["Dice 0.25", "not measured"]
    assert {cell.get_xlabel() for cell in cells[:, :2].ravel()} == {""}
    assert [text.get_text() for text in cells[1, 1].texts] == ["no picture"]
    assert not any(cell.texts for cell in cells[0])
    assert cells[0, 0].get_aspect() == 1  # a pixel is as high as wide
    assert cells[0, 0].images[0].get_array().shape == (6, 9, 3)
    assert cells[0, 0].yaxis_inverted()  # upright


def test_pictures_are_read_upright_and_made_small(tmp_path):
    wide = np.zeros((40, 2 * WIDEST_PX, 3), dtype=np.uint8)
    wide[:, :WIDEST_PX] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(wide).save(tmp_path / "turned.png", exif=exif)
    frame = pd.DataFrame([[wide, tmp_path / "turned.png", str(tmp_path / "turned.png")]], columns=["a", "b", "c"])
    shown = [axes.images[0].get_array() for axes in picture_grid_figure(frame, None, None, "").axes]
    assert [picture.shape for picture in shown] == [(20, WIDEST_PX, 3), (WIDEST_PX, 20, 3), (WIDEST_PX, 20, 3)]
    assert shown[1][0].max() == 200
    assert shown[1][-1].max() == 0


def test_letters_grow_with_a_panel_that_a_page_makes_small():
    def sizes(columns):
        frame = pd.DataFrame([[grey(1)] * columns], columns=[f"m{i}" for i in range(columns)])
        figure = picture_grid_figure(frame, None, None, "")
        return figure.axes[0].title.get_fontsize() / figure.get_figwidth(), figure.axes[0].yaxis.label.get_fontsize()

    assert sizes(3)[1] == 8
    assert sizes(12)[0] == pytest.approx(9 / 12)  # of twelve inches, which is what a page shows of it
    assert sizes(12)[1] > 8


def test_what_is_no_picture_is_refused():
    for wrong, got in ((grey(1)[..., 0], r"uint8 \(6, 9\)"), (grey(1) / 255, "float64"), (3, "int")):
        frame = pictures()
        frame["joint"] = pd.Series([wrong, None], index=frame.index, dtype=object)
        with pytest.raises(
            ValueError, match=rf"expected uint8 \(H, W, 3\) or a path in case b.x., joint, but got {got}"
        ):
            picture_grid(frame)
    assert picture_grid(pd.DataFrame()) is None
    assert picture_grid(pictures().iloc[:0]) is None
    assert picture_grid(pictures()[[]]) is None


def test_a_picture_that_is_nowhere_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        picture_grid(pd.DataFrame([[tmp_path / "nowhere.png"]]))


def test_the_same_pictures_are_the_same_bytes():
    first = picture_grid(pictures())
    assert first.startswith(b"\x89PNG")
    assert first == picture_grid(pictures())
    assert picture_grid(pd.DataFrame([[None]], columns=["joint"])).startswith(b"\x89PNG")  # not one picture
