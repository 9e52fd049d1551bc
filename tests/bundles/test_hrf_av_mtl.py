"""Patches of arteries and veins: what is cut, what comes back, and what is measured."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from monai.data import decollate_batch, list_data_collate
from monai.transforms import Compose
from PIL import Image

from fundus_mtl.data import load_datalist, write_datalist
from fundus_mtl.workflow import StrictWorkflow, files_of
from tests.bundles.conftest import BUNDLES, run, workflow

BUNDLE = "hrf_av_mtl"
CONFIGS = BUNDLES / BUNDLE / "configs"
NARROW, ADAM = CONFIGS / "overlays" / "narrow.yaml", CONFIGS / "overlays" / "adam.yaml"
SEVERAL = CONFIGS / "overlays" / "several_sources.yaml"
MT_COOL = BUNDLES / "methods" / "mt_cool.yaml"
TINY = {"max_epochs": 1, "batch_size": 2, "val_interval": 1, "tracking_uri": None}


def options(data, out, **more):
    return {"dataset_dir": str(data), "output_dir": str(out)} | more


def content_of(kind, data, out, *overlays, **more):
    return workflow(BUNDLE, kind, *overlays, **options(data, out, **more)).parser.get_parsed_content


def test_patches_hold_both_tasks_on_one_grid(hrf_data, tmp_path):
    """Their image is a piece of the photograph, and the vessels are the union of arteries and veins."""
    content = content_of("train", hrf_data, tmp_path, patches=3, augmentation=[])
    dataset = content("train::dataset")
    patches = dataset[0]
    assert len(patches) == 3
    whole = np.asarray(Image.open(dataset.data[0]["image"]).convert("RGB"), dtype=np.float32) / 255
    for patch in patches:
        assert patch["image"].shape == (3, 32, 32)
        assert patch["artery_vein"].shape == (2, 32, 32)
        assert torch.equal(patch["artery_vein"].amax(dim=0), patch["vessel"][0])
        corner = patch["image"].affine[:2, -1].long().tolist()
        rows, columns = (slice(start, start + 32) for start in corner)
        np.testing.assert_allclose(np.moveaxis(patch["image"].numpy(), 0, -1), whole[rows, columns], atol=1e-6)


def test_most_patches_are_centred_on_vessels(hrf_data, tmp_path):
    content = content_of("train", hrf_data, tmp_path, patches=30, positive=1, negative=0, patch=9, augmentation=[])
    patches = [patch for index in range(3) for patch in content("train::dataset")[index]]
    centred = [bool(patch["vessel"][0, 3:6, 3:6].any()) for patch in patches]  # 4 or so: the window's middle pixel
    assert np.mean(centred) > 0.9
    content = content_of("train", hrf_data, tmp_path, patches=30, positive=0, negative=1, patch=9, augmentation=[])
    patches = [patch for index in range(3) for patch in content("train::dataset")[index]]
    assert np.mean([bool(patch["vessel"][0, 4, 4]) for patch in patches]) < 0.2


@pytest.mark.parametrize(
    ("scale", "least"),
    [
        ({"zoom": 1.0}, 1),
        ({"zoom": 0.5}, 0.6),  # of vessels of one or two px, halved
        ({"diameter": 180}, 0.95),
        ({"diameter": 45}, 0.6),
        ({"diameter": 60, "soft_masks": True}, 0.75),
    ],
    ids=str,
)
def test_a_perfect_answer_is_measured_as_perfect(scale, least, hrf_data, tmp_path):
    """The true masks as probabilities at the network's size, put back on the photograph and compared with the map."""
    content = content_of("evaluate", hrf_data, tmp_path, crossings="both", **scale)
    sample = next(iter(content("dataset")))
    truth = content_of("train", hrf_data, tmp_path, **scale)("validate::preprocessing")(content("dataset").items[0])
    sample |= {f"pred_{name}": truth[name].float() for name in ("artery_vein", "vessel")}
    (back,) = [content("postprocessing")(one) for one in decollate_batch(list_data_collate([sample]))]
    row = content("case_table").measure(back)
    for column in ("f1_artery_frame", "f1_vein_frame", "f1_av_frame", "f1_vessel_frame", "f1_vessel_fov"):
        assert row[column] >= least, column
    assert row["note"] == ""


def test_patches_of_several_cameras_have_one_scale(hrf_data, tmp_path):
    """Masks are fractions; a photograph of a camera without arteries and veins has vessels only."""
    more = {
        "diameter": 120,
        "patch": 32,
        "dataset_dir": str(hrf_data),
        "datalist": str(hrf_data / "datalist_mt_cool.json"),
    }
    made = StrictWorkflow(
        config_file=[str(file) for file in files_of(CONFIGS / "args.yaml")], workflow_type="train", logging_file=False,
        overlay=[str(SEVERAL)], output_dir=str(tmp_path), **more,
    )  # fmt: skip
    content = made.parser.get_parsed_content
    transform = content("train::preprocessing")
    item = dict(content("train::dataset::data")[0])
    (patch,) = transform(item)
    assert patch["image"].shape == (3, 32, 32)
    assert patch["artery_vein"].shape == (2, 32, 32)
    assert bool(((patch["vessel"] > 0) & (patch["vessel"] < 1)).any())
    assert patch["artery_vein_present"]
    (patch,) = transform({key: value for key, value in item.items() if key not in ("artery", "vein")})
    assert (bool(patch["artery_vein_present"]), bool(patch["vessel_present"])) == (False, True)


def test_a_known_disc_gives_the_scale_of_the_training(hrf_data, tmp_path):
    document = load_datalist(hrf_data / "datalist_mt_cool.json")
    document["tasks"].append("disc")
    for item, diameter in zip(document["training"], (10, 20), strict=False):
        with Image.open(item["image"]) as photograph:
            width, height = photograph.size
        rows, columns = np.ogrid[:height, :width]
        disc = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (diameter / 2) ** 2
        item["disc"] = str(tmp_path / f"{item['id']}_disc.png")
        Image.fromarray(disc.astype(np.uint8) * 255).save(item["disc"])
    write_datalist(tmp_path / "discs.json", document)
    made = StrictWorkflow(
        config_file=[str(file) for file in files_of(CONFIGS / "args.yaml")], workflow_type="train", logging_file=False,
        overlay=[str(SEVERAL)], output_dir=str(tmp_path), patch=32, datalist=str(tmp_path / "discs.json"),
    )  # fmt: skip
    content = made.parser.get_parsed_content
    steps = Compose([content("load_image"), *content("load_labels"), *content("load_places"), *content("reduce")])
    first, second, third = (steps(dict(item))["image"] for item in content("train::dataset::data")[:3])
    assert max(first.shape) / max(second.shape) == pytest.approx(2, rel=0.1)  # discs of few px are rough circles
    assert 512 < max(second.shape) < 800  # photographs of 90 px, enlarged by 137 / 20
    assert max(third.shape) == 1280  # no disc is known


@pytest.mark.parametrize("overlays", [(), (NARROW,)], ids=["full", "narrow"])
def test_train_and_evaluate(overlays, hrf_data, tmp_path):
    training = [*overlays, ADAM, MT_COOL] if overlays else [MT_COOL]
    given = options(hrf_data, tmp_path, patch=16 if overlays else 32)  # of 45x30 px or 90x60
    run(BUNDLE, "train", *training, **TINY, **given)
    run(BUNDLE, "evaluate", *overlays, tracking_uri=None, **given)
    folder = tmp_path / "evaluation"
    assert {"per_case.csv", "summary.csv", "summary.md", "table3.csv", "cases_f1_artery_frame.jpg"} <= {
        path.name for path in folder.iterdir()
    }
    with (folder / "per_case.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    assert all(0 < float(row["acc_vessel_frame_background"]) < 1 for row in rows)
    with (folder / "table3.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0][1:] == ["Acc (A)", "F1 (A)", "Acc (V)", "F1 (V)", "Acc (AV)", "F1 (A/V)", "Acc", "F1"]
    assert [row[0] for row in table[1:]] == ["prediction", "all background"]
    photographs = hrf_data.parent / "raw" / "images"
    inference = given | {"dataset_dir": str(photographs), "rules::withhold_ungradable": False}  # phantoms are small
    run(BUNDLE, "inference", *overlays, **inference)
    with (tmp_path / "results" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["status"] for row in rows} == {"ok"}
    for row in rows:
        assert 0 <= float(row["artery_density"]) <= 1
        with Image.open(tmp_path / "results" / "artery_vein" / f"{row['image_id']}.png") as found:
            assert found.size == (90, 60)


@pytest.mark.parametrize("tasks", [["vessel"], ["artery_vein"], ["artery_vein", "vessel", "glaucoma"]], ids=str)
def test_other_lists_of_tasks(tasks, hrf_data, tmp_path):
    """One alone, or glaucoma as a third, which is unknown for diabetic eyes."""
    given = options(hrf_data, tmp_path, task_names=tasks)
    run(BUNDLE, "train", **TINY, **given)
    table = run(BUNDLE, "evaluate", tracking_uri=None, **given).parser.get_parsed_content("case_table")
    assert len(table.rows) == 15
    assert not table.failures
    known = {name: np.isfinite([row[f"acc_{name}_frame"] for row in table.rows]).all() for name in ("artery", "vessel")}
    assert known == {"artery": "artery_vein" in tasks, "vessel": "vessel" in tasks}
