"""Windows around the disc: where they lie, that answers find their way back, and that one label without the other trains."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from monai.data import decollate_batch, list_data_collate

from tests.bundles.conftest import BUNDLES, run, workflow

BUNDLE = "refuge_disc_mtl"
ROBUST = BUNDLES / BUNDLE / "configs" / "overlays" / "robust.yaml"
MT_COOL = BUNDLES / "methods" / "mt_cool.yaml"
TINY = {"max_epochs": 1, "batch_size": 4, "val_interval": 1, "tracking_uri": None}


def options(data, out, **more):
    return {"dataset_dir": str(data), "output_dir": str(out)} | more


def absolute(datalist):
    """Return a datalist's document with paths that hold from anywhere."""
    document = json.loads(datalist.read_text())
    for section in ("training", "validation", "testing"):
        for item in document[section]:
            item |= {key: str((datalist.parent / item[key]).resolve()) for key in ("image", "disc", "cup")}
    return document


def test_a_sample_is_the_window_with_disc_and_cup_as_channels(refuge_data, tmp_path):
    made = workflow(BUNDLE, "train", size=48, **options(refuge_data, tmp_path))
    sample = made.parser.get_parsed_content("train::dataset")[0]
    assert sample["image"].shape == (3, 48, 48)
    assert 0 < float(sample["image"].max()) <= 1
    disc, cup = (channel.bool() for channel in sample["segmentation"])
    assert cup.any()
    assert not (cup & ~disc).any()
    assert bool(sample["segmentation_present"])
    middle = torch.argwhere(disc).double().mean(dim=0)
    assert (middle - 23.5).abs().max() <= 0.51  # the disc's centroid is the window's middle, to half a pixel


@pytest.mark.parametrize("size", [48, 32])
def test_a_perfect_answer_comes_back_perfect(size, refuge_data, tmp_path):
    """The true masks, cut and reduced as for training, put back on the photograph by the evaluation's postprocessing."""
    made = workflow(BUNDLE, "evaluate", size=size, **options(refuge_data, tmp_path))
    content = made.parser.get_parsed_content
    sample = next(iter(content("dataset")))
    train = workflow(BUNDLE, "train", size=size, **options(refuge_data, tmp_path))
    seen = train.parser.get_parsed_content("validate::preprocessing")(content("dataset").items[0])
    sample["pred_segmentation"] = seen["segmentation"].float()
    (back,) = [content("postprocessing")(one) for one in decollate_batch(list_data_collate([sample]))]
    row = content("case_table").measure(back | {"pred_glaucoma": torch.tensor([0.5])})
    assert row["disc_dice"] >= (1 if size == 48 else 0.88)
    assert row["cup_dice"] >= (1 if size == 48 else 0.75)  # of a cup of few pixels


@pytest.mark.parametrize("tasks", [["segmentation", "glaucoma"], ["segmentation"], ["glaucoma"]], ids=str)
def test_train_and_evaluate(tasks, refuge_data, tmp_path):
    given = options(refuge_data, tmp_path, task_names=tasks)
    run(BUNDLE, "train", ROBUST, *([MT_COOL] if len(tasks) > 1 else []), **TINY, **given)
    run(BUNDLE, "evaluate", ROBUST, tracking_uri=None, **given)
    with (tmp_path / "evaluation" / "per_case.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["T0001", "T0002", "T0003", "T0004"]
    assert all(bool(row["glaucoma_prob"]) == ("glaucoma" in tasks) for row in rows.values())
    assert all(bool(row["disc_dice"]) == ("segmentation" in tasks) for row in rows.values())
    assert (tmp_path / "evaluation" / "summary.md").is_file()


def test_windows_stray_in_training_only(refuge_data, tmp_path):
    """``jitter`` moves the disc away from the middle by at most so many px."""
    made = workflow(BUNDLE, "train", size=48, jitter=5, **options(refuge_data, tmp_path))
    middles = {}
    for part in ("train", "validate"):
        dataset = made.parser.get_parsed_content(f"{part}::dataset")
        found = [torch.argwhere(dataset[0]["segmentation"][0] > 0).double().mean(dim=0) for _ in range(12)]
        middles[part] = torch.stack(found) - 23.5
    assert middles["validate"].abs().max() <= 0.51
    assert 1 < middles["train"].abs().max() <= 5.51


def test_a_photograph_without_cup_or_without_glaucoma_still_trains(refuge_data, tmp_path):
    document = absolute(refuge_data / "datalist_mt_cool.json")
    for item in document["training"][::2]:
        del item["cup"]
    for item in document["training"][1::2]:
        del item["glaucoma"]
    document["training"][1]["glaucoma"], document["training"][3]["glaucoma"] = 0, 1
    (tmp_path / "datalist.json").write_text(json.dumps(document))
    out = options(refuge_data, tmp_path / "out", datalist=str(tmp_path / "datalist.json"))
    made = run(BUNDLE, "train", MT_COOL, **TINY, **out)
    samples = made.parser.get_parsed_content("train::dataset")
    present = [(bool(one["segmentation_present"]), bool(one["glaucoma_present"])) for one in samples]
    assert set(present) == {(False, True), (True, False), (True, True)}
    assert made.parser.get_parsed_content("train::trainer").state.iteration == 4


def test_a_photograph_without_a_disc_is_left_out_with_a_reason(refuge_data, tmp_path, caplog):
    document = absolute(refuge_data / "datalist_mt_cool.json")
    lost = document["training"][0]["id"]
    for section in ("training", "testing"):
        del document[section][0]["disc"]
    (tmp_path / "datalist.json").write_text(json.dumps(document))
    out = options(refuge_data, tmp_path / "out", datalist=str(tmp_path / "datalist.json"))
    with caplog.at_level("WARNING", logger="fundus_mtl"):
        made = run(BUNDLE, "train", **TINY, **out)
    assert f"training: skipped 1 of {len(document['training'])} items, which have no disc: {lost}" in caplog.text
    assert len(made.parser.get_parsed_content("train::dataset")) == len(document["training"]) - 1
    table = run(BUNDLE, "evaluate", tracking_uri=None, **out).parser.get_parsed_content("case_table")
    (failure,) = table.failures
    assert failure["id"] == document["testing"][0]["id"]
    assert "expected a mask of the disc" in failure["note"]
    assert len(table.rows) == 3


def test_both_networks_are_the_same_function_with_as_many_parameters(refuge_data, tmp_path):
    content = workflow(BUNDLE, "train", **options(refuge_data, tmp_path)).parser.get_parsed_content
    plain, split = (sum(p.numel() for p in content(name).parameters()) for name in ("network_def", "network_split"))
    assert plain == split
    assert len(content("network_def").encoder) == 5  # four down-sampling modules


def test_resume_is_bit_exact_with_straying_windows(refuge_data, tmp_path):
    two = TINY | {"max_epochs": 2}
    run(BUNDLE, "train", ROBUST, MT_COOL, **two, **options(refuge_data, tmp_path / "straight"))
    run(BUNDLE, "train", ROBUST, MT_COOL, **TINY, **options(refuge_data, tmp_path / "halves"))
    run(BUNDLE, "train", ROBUST, MT_COOL, **two, resume_from="latest", **options(refuge_data, tmp_path / "halves"))
    straight, halves = (
        torch.load(next((tmp_path / name / "state").glob("*epoch=2.pt")), weights_only=True)["network"]
        for name in ("straight", "halves")
    )
    assert all(torch.equal(value, halves[key]) for key, value in straight.items())
