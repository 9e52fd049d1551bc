"""Items that are chosen from a few values: tasks, and axes of mirrored views."""

from __future__ import annotations

import pytest

from fundus_mtl.workflow import RefusedError
from fundus_mtl.workflow._choices import check_choices

TABLE = {"task_table": {"disc": {}, "cup": {}}}


@pytest.mark.parametrize("names", [[], ["disc", "disc"], ["fovea"], ["disc", 1], [None], [["disc"]]])
def test_other_tasks_are_refused_with_those_that_there_are(names):
    with pytest.raises(RefusedError, match=r"^task_names: expected some of disc, cup, each once, but got \["):
        check_choices({"task_names": names, **TABLE})


@pytest.mark.parametrize("axes", [[5], [-1], [0, 0], [True], ["0"], []])
def test_a_photograph_has_two_axes(axes):
    with pytest.raises(RefusedError, match=r"^flips: expected some of 0, 1, each once, but got"):
        check_choices({"flips": [[1], axes]})
    if axes:
        with pytest.raises(RefusedError, match=r"^flip_axes: expected some of 0, 1, each once, but got"):
            check_choices({"flip_axes": axes})


def test_a_view_is_a_list():
    with pytest.raises(
        RefusedError, match=r"^flips: expected a list of lists of axes, such as \[\[1\], \[0\]\], but got \[1\]"
    ):
        check_choices({"flips": [1]})


def test_what_is_among_them_passes():
    check_choices({"task_names": ["cup"], "flips": [[1], [0], [0, 1]], "flip_axes": [], **TABLE})
    check_choices({"task_names": "$@a", "flips": "@b", "flip_axes": None})
    check_choices({"task_names": ["anything"]})
