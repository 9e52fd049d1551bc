from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep._merge_sections import Photograph, separate
from data_prep.merge import main, merge
from fundus_mtl.data import load_datalist, read_datalist, write_datalist
from tests.data_prep.raw_photographs import disc_codes, mask, photograph

SECTIONS = ("training", "validation", "testing")
PATIENTS = st.lists(st.sampled_from("pqrstu"), max_size=2, unique=True)


def datalist(folder, tasks, **sections):
    """A list whose items name photographs by number; ``image`` may be given."""
    for items in sections.values():
        for item in items:
            item.setdefault("image", f"{item['id']}.jpg")
    document = {"name": "n", "licence": f"licence of {folder.name}", "source": folder.name, "tasks": list(tasks)}
    write_datalist(folder / "datalist.json", document | {s: sections.get(s, []) for s in SECTIONS})
    return folder / "datalist.json"


@pytest.fixture
def folders(tmp_path):
    """Two data sets of four photographs each, none of them alike, with a mask."""
    for number, name in enumerate(f"{source}/{letter}" for source in ("one", "two") for letter in "abcd"):
        photograph(tmp_path / f"{name}.jpg", number)
        mask(tmp_path / f"{name}_disc.png", (disc_codes() > 0))
    return tmp_path


def merged(folders, one, two, **options):
    sources = {
        "one": datalist(folders / "one", *one[:1], **one[1]),
        "two": datalist(folders / "two", *two[:1], **two[1]),
    }
    merge(folders / "out" / "merged.json", sources, **options)
    return load_datalist(folders / "out" / "merged.json")


def resolved(items):
    return [
        {k: str(Path(v).resolve()) if isinstance(v, str) and v.startswith("/") else v for k, v in item.items()}
        for item in items
    ]


def items_of(document):
    return {item["id"]: item | {"section": section} for section in SECTIONS for item in document[section]}


def test_partial_labels_by_hand(folders):
    one = (
        ["disc", "fovea"],
        {
            "training": [{"id": "a", "disc": "a_disc.png", "fovea": [3, 4.5], "camera": "A", "laterality": "R"}],
            "testing": [{"id": "b", "fovea": [1, 2]}],
        },
    )
    two = (
        ["glaucoma", "quality"],
        {
            "training": [
                {"id": "a", "glaucoma": 1, "quality": 0.5, "patient": "p", "fold": 3},
                {"id": "b", "glaucoma": 0},
            ]
        },
    )
    document = merged(folders, one, two, camera={"one": "B", "two": "C"})
    assert document["tasks"] == ["disc", "fovea", "glaucoma", "quality"]
    assert document["licence"] == "one: licence of one; two: licence of two"
    root = folders.resolve()
    assert resolved(document["training"]) == [
        {
            "id": "one_a",
            "image": str(root / "one" / "a.jpg"),
            "source": "one",
            "camera": "A",
            "laterality": "R",
            "disc": str(root / "one" / "a_disc.png"),
            "fovea": [3, 4.5],
        },
        {
            "id": "two_a",
            "image": str(root / "two" / "a.jpg"),
            "source": "two",
            "camera": "C",
            "glaucoma": 1,
            "quality": 0.5,
            "patient": "p",
        },
        {"id": "two_b", "image": str(root / "two" / "b.jpg"), "source": "two", "camera": "C", "glaucoma": 0},
    ]
    assert [item["camera"] for item in document["testing"]] == ["B"]
    assert not Path(read_first_image(folders)).is_absolute()
    assert len(read_datalist(folders / "out" / "merged.json", "training", tasks=["glaucoma"])) == 3


def read_first_image(folders):
    import json

    return json.loads((folders / "out" / "merged.json").read_text())["training"][0]["image"]


@pytest.mark.parametrize("copy", ["bytes", "compressed", "link", "reduced"])
def test_a_photograph_in_two_lists_becomes_one_item_of_the_strictest_section(folders, copy):
    target = folders / "two" / "d.jpg"
    target.unlink()
    if copy == "bytes":
        shutil.copy(folders / "one" / "a.jpg", target)
    elif copy == "link":
        target.symlink_to(folders / "one" / "a.jpg")
    elif copy == "compressed":
        photograph(target, 0, quality=85)
    else:
        photograph(folders / "one" / "a.jpg", 0, size=(240, 160))
        photograph(target, 0, size=(120, 80))
    one = ["disc", "fovea"], {"training": [{"id": "a", "disc": "a_disc.png"}, {"id": "b", "fovea": [1, 2]}]}
    two = (
        ["fovea", "glaucoma"],
        {
            "training": [{"id": "a", "glaucoma": 1}],
            "testing": [{"id": "d", "fovea": [5, 6], "glaucoma": 0, "camera": "C"}],
        },
    )
    items = items_of(merged(folders, one, two))
    assert set(items) == {"one_a", "one_b", "two_a"}
    joint = items["one_a"]
    assert joint["section"] == "testing"
    assert joint["glaucoma"] == 0
    assert joint["camera"] == "C"
    assert joint["disc"].endswith("one/a_disc.png")
    # Pixels of a copy in another size would be wrong on this one.
    assert ("fovea" in joint) == (copy != "reduced")
    assert joint["label_sources"] == ({"glaucoma": "two"} if copy == "reduced" else {"fovea": "two", "glaucoma": "two"})


def test_contradicting_classes_are_refused_and_outlines_are_the_first(folders):
    shutil.copy(folders / "one" / "a.jpg", folders / "two" / "d.jpg")
    one = ["disc", "glaucoma"], {"training": [{"id": "a", "disc": "a_disc.png", "glaucoma": 1}]}
    two = ["disc", "glaucoma"], {"training": [{"id": "d", "disc": "d_disc.png", "glaucoma": 1}]}
    assert items_of(merged(folders, one, two))["one_a"]["disc"].endswith("one/a_disc.png")
    two[1]["training"][0]["glaucoma"] = 0
    with pytest.raises(ValueError, match="d of two: expected glaucoma 1, as a of one has it for the .*, but got 0"):
        merged(folders, one, two)


def test_no_patient_in_two_sections(folders, caplog):
    one = (
        ["glaucoma"],
        {
            "training": [{"id": "a", "glaucoma": 1, "patient": "p"}, {"id": "c", "glaucoma": 0, "patient": "r"}],
            "testing": [{"id": "b", "glaucoma": 0, "patient": "q"}],
        },
    )
    two = (
        ["glaucoma"],
        {
            "validation": [{"id": "a", "glaucoma": 1, "patient": "p"}, {"id": "b", "glaucoma": 1, "patient": "s"}],
            "training": [{"id": "c", "glaucoma": 1, "patient": "q"}, {"id": "d", "glaucoma": 0}],
        },
    )
    items = items_of(merged(folders, one, two))
    assert set(items) == {"one_c", "one_b", "two_a", "two_b", "two_d"}
    assert "2 photographs left out, because their patient is in a stricter section: one_a, two_c" in caplog.text


def test_patients_who_share_a_photograph_are_one(folders):
    """p and q share a photograph, so that q's test photograph keeps p's others out of training."""
    shutil.copy(folders / "one" / "a.jpg", folders / "two" / "d.jpg")
    one = (
        ["glaucoma"],
        {
            "training": [{"id": "a", "glaucoma": 1, "patient": "p"}, {"id": "b", "glaucoma": 1, "patient": "p"}],
            "testing": [{"id": "c", "glaucoma": 0, "patient": "q"}],
        },
    )
    two = ["glaucoma"], {"training": [{"id": "d", "glaucoma": 1, "patient": "q"}, {"id": "a", "glaucoma": 0}]}
    assert set(items_of(merged(folders, one, two))) == {"one_c", "two_a"}


def fill_list(folders, own):
    """A derived disc of ``a`` and people's of ``b`` and ``c``; network outlines of ``a``, ``b`` and another photograph."""
    (folders / "nets").mkdir()
    for name in "abc":
        mask(folders / "nets" / f"{name}_disc.png", disc_codes() > 1)
    outlines = [
        {"id": f"n{name}", "image": image, "disc": f"{name}_disc.png", "label_sources": {"disc": "networks"}}
        for name, image in (("a", "../one/a.jpg"), ("b", "../one/b.jpg"), ("c", "../two/c.jpg"))
    ]
    fill = datalist(folders / "nets", ["disc"], training=outlines)
    items = [
        {"id": "a", "disc": "a_disc.png", "label_sources": {"disc": "ellipse of the box"}},
        {"id": "b", "disc": "b_disc.png"},
        {"id": "c", "disc": "c_disc.png"},
    ]
    sources = {"one": datalist(folders / "one", ["disc"], **{own: items})}
    merge(folders / "merged.json", sources, fill={"nets": fill})
    return items_of(load_datalist(folders / "merged.json"))


def test_filled_labels_come_after_people_and_before_derived_ones(folders):
    items = fill_list(folders, "training")
    assert set(items) == {"one_a", "one_b", "one_c"}
    assert items["one_a"]["disc"].endswith("nets/a_disc.png")
    assert items["one_a"]["label_sources"] == {"disc": "nets: networks"}
    assert items["one_b"]["disc"].endswith("one/b_disc.png")
    assert "label_sources" not in items["one_b"]


def test_networks_make_no_truth_to_test_on(folders):
    items = fill_list(folders, "testing")
    assert items["one_a"]["disc"].endswith("one/a_disc.png")
    assert items["one_a"]["label_sources"] == {"disc": "ellipse of the box"}


def test_a_source_that_is_left_out_of_training_and_tasks_that_are_kept(folders):
    one = (
        ["disc", "glaucoma"],
        {"training": [{"id": "a", "disc": "a_disc.png", "glaucoma": 1}, {"id": "b", "glaucoma": 0}]},
    )
    two = (
        ["disc", "vessel"],
        {"training": [{"id": "a", "disc": "a_disc.png", "vessel": "a_disc.png"}, {"id": "b", "vessel": "b_disc.png"}]},
    )
    document = merged(folders, one, two, place={"two": "testing"}, tasks=["disc"])
    assert document["tasks"] == ["disc"]
    assert {name: item["section"] for name, item in items_of(document).items()} == {
        "one_a": "training",
        "two_a": "testing",
    }
    assert "vessel" not in document["testing"][0]


def test_wrong_use_is_explained(folders):
    one = ["glaucoma"], {"training": [{"id": "a", "glaucoma": 1}]}
    for options, message in (
        ({"place": {"three": "testing"}}, r"place: expected names among \['one', 'two'\], but got 'three'"),
        ({"place": {"one": "test"}}, "place: expected a section among .*, but got 'test'"),
        ({"camera": {"three": "X"}}, "camera: expected names among"),
        ({"tasks": ["cup"]}, r"expected tasks among \['glaucoma'\], but got \['cup'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            merged(folders, one, one, **options)


def test_the_command(folders, capsys):
    one = datalist(folders / "one", ["glaucoma"], training=[{"id": "a", "glaucoma": 1}])
    two = datalist(folders / "two", ["glaucoma"], training=[{"id": "a", "glaucoma": 0}])
    out = str(folders / "merged.json")
    assert main([out, f"one={one}", f"two={two}", "--place", "two=testing", "--camera", "two=Canon CR-1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["testing", "two", "1", "1"]
    assert load_datalist(folders / "merged.json")["testing"][0]["camera"] == "Canon CR-1"
    for arguments, message in (
        ([str(one)], "sources: expected NAME=VALUE"),
        ([f"a/b={one}"], "sources: expected NAME=VALUE"),
        ([f"one={one}", f"one={two}"], "sources: expected one once, but got it twice"),
        ([f"one={folders / 'gone.json'}"], "expected the file"),
    ):
        assert main([out, *arguments]) == 1
        assert f"The merged datalist was not prepared. {message}" in capsys.readouterr().err.replace("Datalist: ", "")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(SECTIONS), st.lists(st.sampled_from("pqrstu"), max_size=2, unique=True)), max_size=12
    )
)
def test_property_no_linked_patients_in_two_sections(drawn):
    photographs = [Photograph({"id": str(k)}, section, patients) for k, (section, patients) in enumerate(drawn)]
    sections = separate(photographs)
    kept = {item["id"]: section for section, items in sections.items() for item in items}
    for k, photograph_ in enumerate(photographs):
        assert kept.get(str(k), photograph_.section) == photograph_.section
        assert photograph_.patients or str(k) in kept
    # By search: everything reachable through shared patients that is kept stands in one section, the strictest.
    for k, start in enumerate(photographs):
        names, changed = set(start.patients), True
        while changed:
            more = {name for p in photographs if names & set(p.patients) for name in p.patients}
            names, changed = names | more, not more <= names
        linked = [j for j, p in enumerate(photographs) if names & set(p.patients)]
        places = {kept[str(j)] for j in linked if str(j) in kept}
        strictest = max((photographs[j].section for j in linked), key=SECTIONS.index, default=None)
        assert places == ({strictest} if linked else set()), k
