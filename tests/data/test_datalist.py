from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

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


def picture(path, seed=0, size=(30, 20), **options):
    """A picture with the many colours of a photograph; each seed another one."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(
    "labels, message",
    [
        ({"fovea": [0, 0]}, r"c: expected fovea as \[x, y\] in native px, but got \(0, 0\), the corner"),
        ({"fovea": [-1, -1]}, "c: expected fovea .*which is negative"),
        ({"fovea": [0.48, 0.52]}, "c: expected fovea .*multiply normalised coordinates"),
        ({"fovea": ["12", "8"]}, r"c: expected fovea as \[x, y\] in native px, but got \('12', '8'\)"),
        ({"fovea": 12}, "c: expected fovea as a point like that of the photographs before, but got a number"),
        ({"glaucoma": "1"}, "c: expected glaucoma as a number, .* but got the text '1'; write a number without quotes"),
        ({"glaucoma": "yes"}, "c: expected glaucoma as a number, .* but got the text 'yes'"),
        ({"glaucoma": ""}, "c: expected glaucoma as a number, .* but got the text ''"),
        ({"glaucoma": [0, 1]}, r"c: expected glaucoma as \[x, y\] .*write a one-hot label as the number of its class"),
        ({"glaucoma": [0, 0, 1]}, r"c: expected glaucoma .*write a one-hot label as the number of its class"),
        ({"glaucoma": {"value": 1}}, "c: expected glaucoma as a number, .* but got dict"),
        ({"glaucoma": 2}, r"expected labels of glaucoma as 0 and 1 .* but got -1"),
        ({"disc": 1}, "c: expected disc as a path like that of the photographs before, but got a number"),
    ],
    ids=str,
)
def test_labels_that_can_be_read_in_two_ways_are_refused(folder, labels, message):
    content = document(training=[*GOOD, item("c", **labels), item("d", glaucoma=-1)])
    with pytest.raises(ValueError, match=message):
        read_datalist(save(folder, content), "training")
    with pytest.raises(ValueError, match=message):
        write_datalist(folder / "written.json", content)


@pytest.mark.parametrize("classes", [(1, 2), (-1, 1), (0, 2), (0, 255), (1, 2, 3), (-1, 0, 1), (1.0, 2.0)])
def test_classes_that_do_not_count_from_0_are_refused(folder, classes):
    names = "abcdef"
    items = [labelled(names[k], glaucoma=label) for k, label in enumerate(classes)]
    listed = ", ".join(f"{label:g}" for label in classes)
    with pytest.raises(ValueError, match=rf"expected labels of glaucoma as 0 and 1 .*, but got {listed}; number them"):
        read_datalist(save(folder, document(training=items)), "training")


@pytest.mark.parametrize(
    "labels", [(0, 1), (0.0, 1.0), (False, True), (0, 1, 2), (0.25, 0.75), (41, 63, 70), (1.5, 2.5)]
)
def test_labels_that_are_taken(folder, labels):
    items = [labelled("abc"[k], glaucoma=label) for k, label in enumerate(labels)]
    found = [i["glaucoma"] for i in read_datalist(save(folder, document(training=items)), "training")]
    assert found == list(labels)
    assert not any(isinstance(label, bool) for label in found)


@pytest.mark.parametrize("sections", [("training", "testing"), ("training", "validation"), ("validation", "testing")])
def test_one_file_in_two_splits_is_refused_however_it_is_written(folder, sections):
    picture(folder / "eye.png")
    (folder / "link.png").symlink_to(folder / "eye.png")
    (folder / "sub").mkdir()
    for other in ("eye.png", "./eye.png", "sub/../eye.png", str(folder / "eye.png"), "link.png"):
        content = {sections[0]: [item("c", image="eye.png")], sections[1]: [item("d", image=other)]}
        content["training"] = [*GOOD, *content.get("training", [])]
        message = f"d: expected every photograph .* the same file as c in {sections[0]} and here in {sections[1]}"
        with pytest.raises(ValueError, match=message):
            read_datalist(save(folder, document(**content)), "training")
        with pytest.raises(ValueError, match=message):
            write_datalist(folder / "written.json", document(**content))


def test_a_copy_in_two_splits_or_folds_is_refused(folder):
    picture(folder / "one.png")
    picture(folder / "other.png", seed=1)
    shutil.copy(folder / "one.png", folder / "copy.png")
    tail = (folder / "one.png").read_bytes() + bytes(300_000)
    (folder / "long.png").write_bytes(tail)
    (folder / "longer.png").write_bytes(tail[:200_000] + b"x" + tail[200_001:])  # differs in the middle only
    content = document(training=[*GOOD, item("c", image="one.png")], testing=[item("d", image="copy.png")])
    with pytest.raises(
        ValueError, match="d: expected every photograph .*a copy of its file as c in training and here in"
    ):
        read_datalist(save(folder, content), "training")
    content["testing"] = [item("d", image="other.png")]
    assert len(read_datalist(save(folder, content), "training")) == 3
    folds = [labelled("a", fold=0), item("b", glaucoma=0, fold=1), item("c", image="long.png", fold=0)]
    two = document(training=[*folds, item("d", image="longer.png", fold=1)])
    assert len(read_datalist(save(folder, two), "training", fold=0)) == 2
    two["training"][-1]["image"] = "copy.png"
    two["training"][-2]["image"] = "one.png"
    with pytest.raises(ValueError, match="as c in training fold 0 and here in training fold 1"):
        read_datalist(save(folder, two), "training", fold=0)
    two["training"][-1]["fold"] = 0  # twice in one fold: no answer is given away
    assert len(read_datalist(save(folder, two), "training", fold=1)) == 3


def test_blank_frames_may_repeat_and_a_pipe_is_not_opened(folder):
    for name in ("c.png", "d.png"):
        Image.new("RGB", (30, 20), (9, 9, 9)).save(folder / name)
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "other")
    content = document(training=[*GOOD, item("c", image="c.png")], testing=[item("d", image="d.png")])
    assert len(read_datalist(save(folder, content), "training")) == 3
    content["training"].append(item("e", image="pipe"))
    content["testing"].append(item("f", image="other"))  # as long as the first: of no length
    with pytest.raises(FileNotFoundError, match="e: expected the file pipe for image, but got none"):
        read_datalist(save(folder, content), "training")


@pytest.mark.parametrize(
    "one, other", [(7, "7"), ("7", "7.0"), (" p ", "P"), ("007", 7), ("\u00e9", "e\u0301"), (7.0, 7)]
)
def test_one_patient_in_two_spellings_is_one(folder, one, other):
    content = document(training=[*GOOD, item("c", patient=one)], testing=[item("d", patient=other)])
    with pytest.raises(ValueError, match="d: expected all photographs of a patient in one split and fold"):
        read_datalist(save(folder, content), "training")
    folds = assign_folds(
        [item(f"i{k}", patient=one if k % 2 else other) for k in range(4)] + [item("x"), item("y")], 2, 0, ()
    )
    assert len({i["fold"] for i in folds[:4]}) == 1


def test_unknown_patients_are_no_patient(folder):
    content = document(
        training=[*GOOD, item("c", patient=None)], testing=[item("d", patient=None), item("e", patient="8")]
    )
    assert len(read_datalist(save(folder, content), "training")) == 3
    for number in (0, 1):
        content = document(training=[*GOOD, item("c", patient=number)], testing=[item("d", patient=number)])
        with pytest.raises(ValueError, match="d: expected all photographs of a patient"):
            read_datalist(save(folder, content), "training")
    for unknown in ("", " ", True, []):
        content = document(training=GOOD, testing=[item("d", patient=unknown)])
        with pytest.raises(
            ValueError, match="d: expected a patient's number or pseudonym, but got .*; leave the key out"
        ):
            read_datalist(save(folder, content), "training")


@pytest.mark.parametrize("name", ["./c", "c/", "c//", "././c"])
def test_ids_that_are_one_path_are_one_id(folder, name):
    taken = document(training=[*GOOD, item("c")], testing=[item(name, image="d.jpg")])
    with pytest.raises(
        ValueError, match=r"expected unique ids, but got this id more than once \(the other is written c\)"
    ):
        read_datalist(save(folder, taken), "training")
    content = document(training=[*GOOD, item(name, image="c.jpg")])
    assert read_datalist(save(folder, content), "training")[-1]["id"] == "c"


@pytest.mark.parametrize("name", ["../c", "/c", "a/../../c", ".", "c\\d", "c\nd", "c\x1b[2Jd"])
def test_ids_that_lead_elsewhere_are_refused(folder, name):
    with pytest.raises(ValueError, match="expected a word or a relative path that stays inside"):
        read_datalist(save(folder, document(training=[*GOOD, item(name, image="c.jpg")])), "training")


@pytest.mark.parametrize("written, side", [("R", "R"), ("od", "R"), ("Left", "L"), ("", None), ("unknown", None)])
def test_the_eye_is_read_as_everywhere(folder, written, side):
    content = document(training=[*GOOD, item("c", laterality=written)])
    assert read_datalist(save(folder, content), "training")[-1].get("laterality", None) == side
    assert ("laterality" in read_datalist(save(folder, content), "training")[-1]) == (side is not None)
    with pytest.raises(ValueError, match="c: expected an eye as R or L, but got 'OU'"):
        read_datalist(save(folder, document(training=[*GOOD, item("c", laterality="OU")])), "training")


def test_a_point_outside_the_photograph_is_refused(folder):
    """30 x 20 px on the screen, in one file by EXIF: the header alone tells."""
    exif = Image.Exif()
    exif[274] = 6
    picture(folder / "c.png")
    picture(folder / "turned.jpg", size=(20, 30), exif=exif)
    for image in ("c.png", "turned.jpg"):
        inside = document(training=[*GOOD, item("c", image=image, fovea=[29, 19])])
        assert read_datalist(save(folder, inside), "training")[-1]["fovea"] == [29, 19]
        outside = document(training=[*GOOD, item("c", image=image, fovea=[19, 29])])
        with pytest.raises(ValueError, match=r"c: expected fovea within 30 x 20 px, but got \(19, 29\)"):
            read_datalist(save(folder, outside), "training")


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "expected an object with keys, but got a list of 0"),
        (document(training={}), "expected training as a list of objects with keys, but got dict"),
        (document(training=["a.jpg"]), "expected training as a list of objects with keys"),
        (document(tasks="disc"), "expected tasks as a list of texts, but got str"),
        (document(tasks=["id"]), r"expected tasks with other names than \['id'\]"),
        (document(training=[{"id": 7, "image": "a.jpg"}]), "7: expected id as text, but got 7; write it in quotes"),
        (document(training=[{"id": "a", "image": None}]), "a: expected image as text, but got None"),
        (document(training=[item("a", fold="0")]), "a: expected fold as a number 0, 1, 2, ..., but got '0'"),
        (document(training=[item("a", patient=[1])]), r"a: expected a patient's number or pseudonym, but got \[1\]"),
    ],
    ids=str,
)
def test_other_forms_are_refused(folder, content, message):
    with pytest.raises(ValueError, match=message):
        read_datalist(save(folder, content), "training")


def test_brackets_without_end_are_one_sentence(folder):
    (folder / "deep.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="deep.json: expected JSON, but got"):
        read_datalist(folder / "deep.json", "training")


def test_paths_may_lead_out_of_the_folder(folder, tmp_path_factory):
    """Prepared lists point to the photographs where they were unpacked."""
    elsewhere = tmp_path_factory.mktemp("raw")
    picture(elsewhere / "eye.png")
    given = os.path.relpath(elsewhere / "eye.png", folder)
    content = document(training=[*GOOD, item("c", image=given), item("d", image=str(elsewhere / "eye.png"))])
    assert {i["image"] for i in read_datalist(save(folder, content), "training")[-2:]} == {
        str(folder / given),
        str(elsewhere / "eye.png"),
    }
