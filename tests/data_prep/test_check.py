from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from data_prep import phantom, refuge
from data_prep.check import main
from fundus_mtl.cli import main as fundus_mtl


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refuge")
    phantom.main([str(folder / "raw"), "--train", "6", "--validation", "3", "--test", "3", "--size", "60"])
    refuge.main([str(folder / "raw"), str(folder / "data")])
    return folder


@pytest.fixture
def data(prepared, tmp_path):
    """A copy of a prepared data set, and its document."""
    shutil.copytree(prepared, tmp_path / "set")
    path = tmp_path / "set" / "data" / "datalist_official.json"
    return path, json.loads(path.read_text())


def checked(path, document, capsys, *options):
    """Status of the check, and its faults and notes."""
    path.write_text(json.dumps(document))
    capsys.readouterr()
    status = main([str(path), *options])
    lines = capsys.readouterr().out.splitlines()
    faults = [line.removeprefix("fault: ") for line in lines if line.startswith("fault: ")]
    return status, faults, [line.removeprefix("note: ") for line in lines if line.startswith("note: ")]


def test_a_prepared_data_set_has_no_fault_and_its_counts(data, capsys):
    path, document = data
    assert checked(path, document, capsys) == (0, [], [])
    main([str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "source", "photographs", "patients", *document["tasks"]]
    glaucoma = [item["glaucoma"] for item in document["training"]]
    assert lines[1].startswith("training")
    assert lines[1].split()[2] == "6"
    assert lines[1].endswith(f"6 (0: {glaucoma.count(0)}, 1: {glaucoma.count(1)})")
    assert [line.split()[0] for line in lines[2:4]] == ["validation", "testing"]
    assert lines[-1] == "no fault was found"


def test_every_fault_is_listed_not_only_the_first(data, capsys):
    path, document = data
    first, second, third, fourth = document["training"][:4]
    first["glaucoma"] = "1"
    second["fovea"] = [0.4, 0.5]
    third["nonsense"] = 1
    fourth["disc"] = "nowhere.png"
    document["validation"][0]["id"] = first["id"]
    document["validation"][1]["patient"] = "p"
    document["testing"][0]["patient"] = "P"
    status, faults, _ = checked(path, document, capsys)
    assert status == 1
    assert sorted(fault.split(":")[0] for fault in faults) == sorted(
        [first["id"], second["id"], third["id"], fourth["id"], first["id"], document["testing"][0]["id"]]
    )
    assert any("nowhere.png" in fault for fault in faults)


def test_pixels_are_tried_as_in_a_training(data, capsys):
    path, document = data
    folder = path.parent
    one, two, three, four = document["training"][:4]
    with Image.open(folder / one["disc"]) as mask:
        size, mode = mask.size, np.asarray(mask)
    for item, values in (
        (one, np.random.default_rng(0).integers(0, 255, mode.shape).astype(np.uint8)),  # several codes
        (two, np.zeros((mode.shape[0] + 1, mode.shape[1]), np.uint8)),  # another size
        (three, np.full(mode.shape, 255, np.uint8)),  # inverted
    ):
        Image.fromarray(values).save(folder / item["disc"])
    image = folder / four["image"]
    image.write_bytes(image.read_bytes()[:-200])
    four["fovea"] = [size[0] + 5, 3]
    status, faults, _ = checked(path, document, capsys)
    assert status == 1
    by_id = {fault.split(":")[0].split(",")[0]: fault for fault in faults}
    assert set(by_id) == {item["id"] for item in (one, two, three, four)}
    assert "one other value" in by_id[one["id"]]
    assert "like the image" in by_id[two["id"]]
    assert "inverted" in by_id[three["id"]]
    assert len([fault for fault in faults if fault.startswith(four["id"])]) == 2  # outside, and damaged
    assert checked(path, document, capsys, "--quick")[1] == [fault for fault in faults if "within" in fault]
    capsys.readouterr()
    assert main([str(path)]) == 1
    assert "name its task with --coded" in capsys.readouterr().out
    assert main([str(path), "--coded", "disc"]) == 1
    printed = capsys.readouterr().out
    assert "name its task with --coded" not in printed
    assert not any("other value" in line or "inverted" in line for line in printed.splitlines())


def test_a_copy_that_was_saved_again_is_found_in_two_splits(data, capsys):
    path, document = data
    folder = path.parent
    source, copy = document["training"][0], document["testing"][0]
    with Image.open(folder / source["image"]) as image:
        image.save(folder / copy["image"], quality=92)
    for task in document["tasks"]:
        copy.pop(task, None)
    assert checked(path, document, capsys, "--quick")[0] == 0
    status, (fault,), _ = checked(path, document, capsys)
    assert status == 1
    assert fault.startswith(f"{copy['id']}: ")
    assert f"the same as {source['id']} in training" in fault


def test_a_patient_is_counted_once_and_names_command_no_terminal(data, capsys):
    path, document = data
    for item, patient in zip(document["training"], (7, "7.0", " 007", 8, None, None), strict=True):
        item |= {"patient": patient, "source": "a\x1b[2J"}
    path.write_text(json.dumps(document))
    main([str(path), "--quick"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.splitlines()[1].split()[:6] == ["training", "a\\x1b[2J", "6", "2", "(2", "unknown)"]


def test_notes_are_no_faults(data, capsys):
    path, document = data
    for item in document["training"]:
        item.pop("glaucoma")
    status, faults, (note,) = checked(path, document, capsys)
    assert (status, faults) == (0, [])
    assert "labels of glaucoma in the training section" in note


@pytest.mark.parametrize("document", [{}, {"name": "x"}, [1]])
def test_another_form_is_one_fault(tmp_path, capsys, document):
    status, faults, _ = checked(tmp_path / "list.json", document, capsys)
    assert (status, len(faults)) == (1, 1)


def test_the_verb_keeps_the_status(data, tmp_path, capsys):
    path, document = data
    assert fundus_mtl(["prepare", "check", str(path), "--quick"]) == 0
    document["training"][0].pop("image")
    path.write_text(json.dumps(document))
    assert fundus_mtl(["prepare", "check", str(path), "--quick"]) == 1
    assert fundus_mtl(["prepare", "check", str(tmp_path / "nowhere.json")]) == 2
    (tmp_path / "text.json").write_text("{")
    assert fundus_mtl(["prepare", "check", str(tmp_path / "text.json")]) == 2
    assert fundus_mtl(["prepare", "check", str(path), "--coded", "dics"]) == 2
    assert "dics" in capsys.readouterr().err
