from __future__ import annotations

import errno
import json
import os
from collections import Counter

import pytest

from fundus_mtl.data import assign_folds, datalist_digest, load_datalist, read_datalist, write_datalist


def document(**sections):
    return {"name": "n", "licence": "l", "source": "s", "tasks": ["disc", "fovea", "glaucoma"]} | {
        "training": [], "validation": [], "testing": []
    } | sections  # fmt: skip


def item(name, **labels):
    return {"id": name, "image": f"{name}.jpg"} | labels


@pytest.fixture
def folder(tmp_path):
    for name in "abcdef":
        (tmp_path / f"{name}.jpg").touch()
    (tmp_path / "a_disc.png").touch()
    return tmp_path


def save(folder, content):
    """Written without the writer's checks, as a user might do."""
    path = folder / "datalist.json"
    path.write_text(json.dumps(content))
    return path


def labelled(name, **more):
    return item(name, disc="a_disc.png", fovea=[1, 2.5], glaucoma=1) | more


def test_paths_become_absolute_and_missing_labels_stay_missing(folder):
    path = folder / "datalist.json"
    write_datalist(path, document(training=[labelled("a"), item("b", glaucoma=0)]))
    assert read_datalist(path, "training") == [
        {
            "id": "a",
            "image": str(folder / "a.jpg"),
            "disc": str(folder / "a_disc.png"),
            "fovea": [1, 2.5],
            "glaucoma": 1,
        },
        {"id": "b", "image": str(folder / "b.jpg"), "glaucoma": 0},
    ]


def test_another_root(folder, tmp_path_factory):
    elsewhere = save(tmp_path_factory.mktemp("lists"), document(training=[labelled("a"), item("b", glaucoma=0)]))
    assert read_datalist(elsewhere, "training", root=folder)[0]["image"] == str(folder / "a.jpg")


def test_tasks_choose_the_labels(folder):
    path = save(folder, document(training=[labelled("a")]))
    assert read_datalist(path, "training", tasks=["fovea"]) == [
        {"id": "a", "image": str(folder / "a.jpg"), "fovea": [1, 2.5]}
    ]


def test_a_fold_cuts_the_pooled_section(folder):
    pooled = [labelled(name, fold=k % 3, glaucoma=k % 2) for k, name in enumerate("abcdef")]
    path = save(folder, document(training=pooled, testing=[labelled("t", image="a.jpg")]))
    ids = lambda *args: [i["id"] for i in read_datalist(path, *args, fold=1)]  # noqa: E731
    assert ids("training") == list("acdf")
    assert ids("validation") == list("be")
    assert ids("testing") == ["t"]


def test_a_photograph_without_a_fold_raises(folder):
    path = save(folder, document(training=[labelled("a", fold=0), labelled("b", fold=1, glaucoma=0), labelled("c")]))
    with pytest.raises(ValueError, match="c: expected a fold among .*but got none"):
        read_datalist(path, "training", fold=0)


GOOD = [labelled("a"), item("b", glaucoma=0)]


@pytest.mark.parametrize(
    "content, message",
    [
        (document(training=[*GOOD, item("z")]), "z: expected the file z.jpg for image, but got none"),
        (document(training=[*GOOD, item("c", cup="a_disc.png")]), r"c: expected keys among .*but got \['cup'\]"),
        (document(training=[*GOOD, item("a")]), "a: expected unique ids"),
        (document(training=GOOD, testing=[item("b")]), "b: expected unique ids"),
        (document(training=[*GOOD, {"id": "c"}]), "c: expected the keys id and image"),
        (document(training=[*GOOD, item("c", fovea=[1])]), r"c: expected fovea as \[x, y\]"),
        (document(training=[*GOOD, item("c", fovea=[1, float("nan")])]), r"c: expected fovea as \[x, y\]"),
        (document(training=[*GOOD, item("c", glaucoma=float("nan"))]), "c: expected a number for glaucoma"),
        (
            document(training=[*GOOD, item("c", patient="p")], testing=[item("d", patient="p")]),
            "d: expected all photographs of a patient",
        ),
        (
            document(training=[*GOOD, item("c", patient="p", fold=0), item("d", patient="p", fold=1)]),
            "d: expected all photographs",
        ),
        (
            document(training=GOOD[:1]),
            "expected more than one class of glaucoma in the training section, but got only 1",
        ),
        (
            document(training=[item("b", glaucoma=0), item("c", glaucoma=1)]),
            "expected labels of disc in the training section",
        ),
        ({"tasks": []}, "expected the keys"),
    ],
    ids=str,
)
def test_invalid_arguments_raise(folder, content, message):
    path = save(folder, content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_datalist(path, "training")


def test_wrong_questions_raise(folder):
    path = save(folder, document(training=GOOD))
    with pytest.raises(ValueError, match="expected photographs in validation, but got none"):
        read_datalist(path, "validation")
    with pytest.raises(ValueError, match=r"expected a fold among \[None\], but got 0"):
        read_datalist(path, "training", fold=0)
    with pytest.raises(ValueError, match="expected a section among"):
        read_datalist(path, "train")
    with pytest.raises(ValueError, match="expected tasks among"):
        read_datalist(path, "training", tasks=["vessel"])
    with pytest.raises(FileNotFoundError, match="create it with `fundus-mtl prepare`"):
        read_datalist(folder / "none.json", "training")
    (folder / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=r"broken.json: expected JSON"):
        read_datalist(folder / "broken.json", "training")


def test_the_digest_is_of_the_content(folder):
    one = datalist_digest(save(folder, document(training=GOOD)))
    backwards = dict(reversed(document(training=GOOD).items()))
    assert datalist_digest(save(folder, backwards)) == one
    assert datalist_digest(save(folder, document(training=GOOD[:1]))) != one


def test_a_full_disk_leaves_the_old_list(folder, monkeypatch):
    path = folder / "datalist.json"
    write_datalist(path, document(training=GOOD))
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"datalist.json: expected to write the datalist, but got: No space left"):
        write_datalist(path, document())
    assert path.read_bytes() == before
    assert not list(folder.glob(".*"))


def pool(count=60):
    """Two cameras, one glaucoma in three, two photographs of each patient."""
    return [
        item(f"i{k}", patient=f"p{k // 2}", camera="AB"[k // 2 % 2], glaucoma=int(k // 2 % 3 == 0))
        for k in range(count)
    ]


def test_folds_are_stratified_and_keep_patients_together():
    items = assign_folds(pool(), folds=5, seed=3)
    shares = Counter((i["fold"], i["camera"], i["glaucoma"]) for i in items)
    assert all(abs(shares[fold, camera, 1] - 2) <= 2 for fold in range(5) for camera in "AB")
    assert {i["fold"] for i in items} == set(range(5))
    places = {}
    assert all(places.setdefault(i["patient"], i["fold"]) == i["fold"] for i in items)
    assert [i["id"] for i in items] == [i["id"] for i in pool()]


def test_folds_follow_the_seed():
    assert assign_folds(pool(), seed=1) == assign_folds(pool(), seed=1)
    assert assign_folds(pool(), seed=1) != assign_folds(pool(), seed=2)


def test_a_stratum_too_small_raises():
    with pytest.raises(ValueError, match="at least 5 photographs of glaucoma/camera = 1/A, but got 1"):
        assign_folds([item(f"i{k}", camera="A", glaucoma=int(k == 0)) for k in range(20)])


def test_the_whole_list_with_absolute_paths_and_where_labels_come_from(folder):
    more = {"source": "s", "camera": "c", "laterality": "R", "label_sources": {"disc": "networks"}}
    save(folder, document(training=[labelled("a", **more)], testing=[item("b", glaucoma=0)]))
    whole = load_datalist(folder / "datalist.json")
    assert whole["training"] == [
        labelled("a", **more) | {"image": str(folder / "a.jpg"), "disc": str(folder / "a_disc.png")}
    ]
    assert whole["testing"][0]["image"] == str(folder / "b.jpg")
    assert whole["validation"] == []
    assert whole["name"] == "n"
    save(folder, document(training=[item("z")]))
    with pytest.raises(FileNotFoundError, match="z: expected the file z.jpg"):
        load_datalist(folder / "datalist.json")
