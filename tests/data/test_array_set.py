from __future__ import annotations

import json

import numpy as np
import pytest

from fundus_mtl.data import ArraySet

ABOUT = {"name": "shapes", "licence": "none", "source": "here", "note": None}
TASKS = {"a": 3, "b": 2, "c": 2}


def section(prefix, a, b, c=(0, 0, 0)):
    """Images of 2x3 px; a negative label is missing."""
    labels = {"a": a, "b": b, "c": c}
    arrays = {
        "id": np.array([f"{prefix}{row}" for row in range(len(a))]),
        "image": np.arange(6 * len(a), dtype=np.uint8).reshape(-1, 2, 3),
    }
    for task, values in labels.items():
        values = np.array(values[: len(a)])
        arrays |= {task: np.maximum(values, 0).astype(np.uint8), f"{task}_present": values >= 0}
    return arrays


def shapes(**more):
    sections = {"training": section("t", [0, -1, 2], [-1, 1, -1], [-1, -1, -1]), "testing": section("e", [1], [0])}
    return ArraySet(ABOUT, TASKS, sections | more)


def test_what_is_saved_comes_back(tmp_path):
    shapes().save(tmp_path / "new" / "set.npz")
    found = ArraySet.load(tmp_path / "new" / "set.npz")
    assert found.about == ABOUT
    assert found.tasks == TASKS
    assert found.digest == shapes().digest
    for name, arrays in shapes().sections.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(found.sections[name][key], array)
            assert found.sections[name][key].dtype == array.dtype
    document = json.loads((tmp_path / "new" / "set.json").read_text())
    assert document["sections"] == {"training": 3, "testing": 1}
    assert document["sha256"] == shapes().digest


def test_a_selection_has_a_label_in_every_row():
    assert shapes().select(["training"], ["a"])["id"].tolist() == ["t0", "t2"]
    both = shapes().select(["training", "testing"], ["a", "b"])
    assert both["id"].tolist() == ["t0", "t1", "t2", "e0"]
    assert set(both) == {"id", "image", "a", "a_present", "b", "b_present"}
    assert both["b_present"].tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    "sections, tasks, message",
    [
        (["validation"], ["a"], r"shapes: expected a section of \['testing', 'training'\], but got 'validation'"),
        (["training"], ["d"], r"expected a task of \['a', 'b', 'c'\], but got 'd'"),
        (["training"], ["c"], r"expected labels of \['c'\] in \['training'\], but got none"),
    ],
)
def test_missing_files_raise(sections, tasks, message):
    with pytest.raises(ValueError, match=message):
        shapes().select(sections, tasks)


def test_a_set_that_contradicts_itself_raises():
    good = section("v", [0, 1], [1, 1])
    with pytest.raises(ValueError, match="e0: expected unique ids"):
        shapes(validation=section("e", [0], [0]))
    with pytest.raises(ValueError, match=r"validation: expected classes of a below 3, but got 0 to 3"):
        shapes(validation=section("v", [0, 3], [1, 1]))
    with pytest.raises(ValueError, match=r"validation: expected arrays of equal length, but got \[1, 2\]"):
        shapes(validation=good | {"a": good["a"][:1]})
    with pytest.raises(ValueError, match=r"validation: expected the arrays .* but got"):
        shapes(validation={key: array for key, array in good.items() if key != "b_present"})
    filler = good | {"a": np.array([0, 9], dtype=np.uint8), "a_present": np.array([True, False])}
    shapes(validation=filler)  # a filler need not be a class


def test_damaged_files_raise(tmp_path):
    path = tmp_path / "set.npz"
    with pytest.raises(
        FileNotFoundError, match=r"set.npz: expected this file in .* create it with `fundus-mtl prepare`"
    ):
        ArraySet.load(path)
    shapes().save(path)
    document = path.with_suffix(".json").read_text()
    path.with_suffix(".json").write_text(document.replace(shapes().digest, "0" * 64))
    with pytest.raises(ValueError, match="expected arrays with the SHA-256 in its JSON file"):
        ArraySet.load(path)
    path.with_suffix(".json").write_text(document)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="set.npz: expected a prepared set, but got"):
        ArraySet.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match=r"set.json: expected this file in"):
        ArraySet.load(path)


def test_the_digest_follows_every_value():
    other = section("t", [0, -1, 2], [-1, 1, -1], [-1, -1, -1])
    assert shapes(training=other).digest == shapes().digest
    other["image"] = other["image"].copy()
    other["image"][2, 1, 2] += 1
    assert shapes(training=other).digest != shapes().digest
    other["image"] = shapes().sections["training"]["image"].reshape(3, 3, 2)  # the same bytes
    assert shapes(training=other).digest != shapes().digest
