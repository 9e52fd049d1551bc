"""A bundle in a folder of its own runs with MONAI's own workflow, and answers as the bundle in the package does."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow, verify_metadata
from PIL import Image

from fundus_mtl.cli import main
from fundus_mtl.inference import infer
from fundus_mtl.workflow import RefusedError, StrictWorkflow, export_bundle, read_recipe
from fundus_mtl.workflow._flat_config import stand_alone
from tests.bundles.conftest import BUNDLES, DATA, TINY_BUNDLE, run
from tests.bundles.conftest import digits_data as digits_data
from tests.bundles.conftest import hrf_data as hrf_data
from tests.bundles.conftest import refuge_data as refuge_data

TINY = {"max_epochs": 1, "batch_size": 4, "val_interval": 1, "tracking_uri": None}
CPU = {"device": "$torch.device('cpu')"}
ROBUST = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "robust.yaml"
UNCERTAINTY = BUNDLES / "methods" / "uncertainty.yaml"


def stock(part, **overrides):
    """Make MONAI's own workflow in the folder of a bundle, which is the working folder."""
    kind = "train" if part == "train" else "infer"
    return ConfigWorkflow(f"configs/{part}.json", logging_file=False, workflow_type=kind, **CPU | overrides)


@pytest.fixture(scope="module")
def trained(refuge_data, tmp_path_factory):
    """Weights of a tiny training with a recipe, a method that brings items of its own, and an option."""
    out = tmp_path_factory.mktemp("trained")
    given = {"dataset_dir": str(refuge_data), "output_dir": str(out), "model_id": "mine"}
    run("refuge_mtl", "train", ROBUST, UNCERTAINTY, **TINY, **given)
    return out / "models" / "model.pt"


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "mine"
    assert export_bundle("refuge_mtl", out, trained) == out / "models" / "model.pt"
    return out


@pytest.mark.parametrize("bundle", sorted(DATA))
def test_a_bundle_without_weights_trains_and_evaluates_with_monais_workflow(bundle, request, tmp_path, monkeypatch):
    shutil.copytree(BUNDLES, tmp_path / "bundles", ignore=shutil.ignore_patterns("models", "__pycache__"))
    assert export_bundle(str(tmp_path / "bundles" / bundle), tmp_path / "out") is None
    monkeypatch.chdir(tmp_path / "out")
    data = {"dataset_dir": str(request.getfixturevalue(DATA[bundle])), **TINY_BUNDLE[bundle]}
    training = stock("train", **data, **TINY)
    training.initialize()
    assert training.check_properties() == []
    training.run()
    training.finalize()
    assert (tmp_path / "out" / "models" / "model.pt").is_file()
    assert not (tmp_path / "out" / "models" / "recipe.json").exists()  # only StrictWorkflow knows the options
    evaluation = stock("evaluate", **data, tracking_uri=None)
    evaluation.initialize()
    assert evaluation.check_properties() == []
    evaluation.run()
    assert (tmp_path / "out" / "eval" / "evaluation" / "summary.csv").is_file()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"LICENSE", "configs", "docs", "models", "eval"}


def test_inference_answers_as_in_the_package(exported, trained, refuge_data, tmp_path, monkeypatch):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    source = next((refuge_data.parent / "raw").rglob("T0001.jpg"))
    shutil.copyfile(source, photographs / "eye.jpg")
    given = {"rules::withhold_ungradable": False, **CPU}
    assert infer(photographs, tmp_path / "there", trained, **given) == 0
    monkeypatch.chdir(exported)
    here = stock("inference", dataset_dir=str(photographs), results_dir=str(tmp_path / "here"), **given)
    here.initialize()
    assert here.check_properties() == []
    here.run()
    masks = [np.asarray(Image.open(tmp_path / name / "masks" / "eye.jpg.png")) for name in ("there", "here")]
    assert np.array_equal(*masks)
    rows = [json.loads((tmp_path / name / "results.jsonl").read_text().splitlines()[0]) for name in ("there", "here")]
    different = {key for key in rows[0] if rows[0][key] != rows[1][key]}
    assert different - {"runtime_s", "timestamp_utc"} == {"config_sha256"}
    assert rows[1]["config_sha256"] == ""  # MONAI's own workflow does not tell the configuration


def test_the_weights_of_the_package_come_along_and_answer_with_monais_workflow(tmp_path, monkeypatch):
    assert export_bundle("refuge_mtl", tmp_path / "out") == tmp_path / "out" / "models" / "model.pt"
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    shutil.copyfile(BUNDLES.parent / "data_prep" / "samples" / "retina.jpg", photographs / "eye.jpg")
    monkeypatch.chdir(tmp_path / "out")
    here = stock("inference", dataset_dir=str(photographs), results_dir=str(tmp_path / "results"), **CPU)
    here.initialize()
    assert here.check_properties() == []
    here.run()
    row = json.loads((tmp_path / "results" / "results.jsonl").read_text().splitlines()[0])
    assert row["status"] == "ok"
    assert (row["disc_cx_px"], row["disc_cy_px"]) == pytest.approx((219, 650), abs=15)  # seen in the photograph


def test_our_workflow_finds_the_folder_and_resumes(exported, refuge_data, tmp_path):
    given = {"dataset_dir": str(next((refuge_data.parent / "raw").rglob("*.jpg")).parent), **CPU}
    for pending in (True, False):
        made = StrictWorkflow(
            str(exported / "configs" / "inference.json"),
            logging_file=False,
            workflow_type="infer",
            results_dir=str(tmp_path),
            **given,
        )
        made.initialize()
        assert bool(made.parser.get_parsed_content("results").pending) is pending
        made.run()


def test_the_training_that_is_written_is_the_one_that_was_done(exported):
    config = json.loads((exported / "configs" / "train.json").read_text())
    assert config["method"] == "uncertainty"
    assert config["train"]["trainer"]["weighting"] == "@weighting"
    assert config["weighting_def"]["_target_"] == "fundus_mtl.weighting.Uncertainty"
    assert (config["max_epochs"], config["size"], config["model_id"]) == (1, TINY_BUNDLE["refuge_mtl"]["size"], "mine")
    assert config["optimizer_def"]["_target_"] == "torch.optim.AdamW"  # of robust.yaml
    inference = json.loads((exported / "configs" / "inference.json").read_text())
    assert inference["geometry"] == config["geometry"]
    assert "max_epochs" not in inference


def test_weights_recipe_and_what_is_beside_them_come_along(exported, trained):
    names = {path.name for path in (exported / "models").iterdir()}
    assert names == {"model.pt", "model.ts", "recipe.json", "vcdr_regression.json"}
    assert read_recipe(exported / "models" / "model.pt") == read_recipe(trained)
    saved = [torch.load(path, weights_only=True) for path in (exported / "models" / "model.pt", trained)]
    assert all(torch.equal(saved[0][key], saved[1][key]) for key in saved[1])


def test_nothing_of_the_folder_points_elsewhere(exported):
    for path in (exported / "configs").glob("*.json"):
        text = path.read_text()
        assert "../shared" not in text
        assert str(BUNDLES.parent) not in text
        assert "_after_" not in text


def test_references_among_the_handlers_of_the_training_go_after_the_list():
    train = {
        "handlers": {"first": {"_target_": "A"}, "mine": "@saver", "off": None, "last": {"_target_": "B"}},
        "trainer": {"train_handlers": "$[each for each in @train::handlers.values() if each is not None]"},
    }
    made = stand_alone({"train": train, "other": "@train::handlers::last", "same": "@train::handlers::mine"})
    assert made["train"]["handlers"] == [{"_target_": "A"}, {"_target_": "B"}]
    together = "$@train::handlers + [each for each in [@saver] if each is not None]"
    assert made["train"]["trainer"]["train_handlers"] == together
    assert (made["other"], made["same"]) == ("@train::handlers::1", "@saver")


@pytest.mark.parametrize("bundle", sorted(DATA))
def test_monais_command_verifies_the_metadata(bundle, tmp_path):
    export_bundle(bundle, tmp_path / "out")
    schema = BUNDLES.parent / "tests" / "bundles" / "metadata_schema.json"
    with pytest.warns(UserWarning, match="No hash value provided"):
        verify_metadata(meta_file=str(tmp_path / "out/configs/metadata.json"), filepath=str(schema))


def test_weights_of_another_name_are_model_pt_in_the_folder(trained, tmp_path):
    record = json.loads(trained.with_name("recipe.json").read_text())
    record["weights"]["best.pt"] = record["weights"].pop("model.pt")
    shutil.copyfile(trained, tmp_path / "best.pt")
    (tmp_path / "recipe.json").write_text(json.dumps(record))
    made = export_bundle("refuge_mtl", tmp_path / "out", tmp_path / "best.pt")
    assert made == tmp_path / "out" / "models" / "model.pt"
    assert read_recipe(made).options == read_recipe(trained).options


def test_a_folder_is_a_bundle_too_and_its_own_weights_come_along(tmp_path, digits_data):
    for name in ("digits_mtl", "shared"):
        shutil.copytree(BUNDLES / name, tmp_path / "mine" / name)
    root = tmp_path / "mine" / "digits_mtl"
    given = {"dataset_dir": str(digits_data), "ckpt_dir": str(root / "models"), "output_dir": str(tmp_path / "runs")}
    run("digits_mtl", "train", BUNDLES / "methods" / "pcgrad.yaml", **TINY, **given)
    made = export_bundle(str(root), tmp_path / "out")
    assert made == tmp_path / "out" / "models" / "model.pt"
    assert json.loads((tmp_path / "out" / "configs" / "train.json").read_text())["method"] == "pcgrad"


def test_what_does_not_fit_is_refused(trained, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(RefusedError, match="expected a new or empty folder, but got one with files"):
        export_bundle("refuge_mtl", tmp_path / "full")
    with pytest.raises(RefusedError, match="expected weights of digits_mtl, but got those of refuge_mtl"):
        export_bundle("digits_mtl", tmp_path / "a", trained)
    with pytest.raises(FileNotFoundError, match="but got refug_mtl; did you mean refuge_mtl"):
        export_bundle("refug_mtl", tmp_path / "a")
    with pytest.raises(RefusedError, match="expected weights of a training, but got no file"):
        export_bundle("refuge_mtl", tmp_path / "a", tmp_path / "model.pt")
    shutil.copyfile(trained, tmp_path / "model.pt")
    with pytest.raises(RefusedError, match=r"expected a recipe\.json beside the weights"):
        export_bundle("refuge_mtl", tmp_path / "a", tmp_path / "model.pt")
    assert not (tmp_path / "a").exists()


def test_the_verb(trained, tmp_path, capsys):
    assert main(["bundle", "refuge_mtl", str(tmp_path / "with"), "--weights", str(trained)]) == 0
    assert capsys.readouterr() == ("Wrote the folder with.\n", "")
    assert main(["bundle", "digits_mtl", str(tmp_path / "without")]) == 0
    assert "It has no weights" in capsys.readouterr().err
    assert main(["bundle", "digits_mtl", str(tmp_path / "without")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_handlers_become_lists_and_references_follow():
    handlers = {"a": {"_target_": "A"}, "gone": None, "b": {"_target_": "B", "of": "@train::handlers::a"}}
    trainer = {"train_handlers": "$[each for each in @train::handlers.values() if each is not None]"}
    config = {
        "train": {"handlers": handlers, "trainer": trainer},
        "run": ["$@train::handlers::b.x + @train::handlers::a.y", "@train::handlers::a", "@train::handlers_of::b"],
        "handlers": ["kept"],
    }
    flat = stand_alone(config)
    assert flat["train"]["handlers"] == [{"_target_": "A"}, {"_target_": "B", "of": "@train::handlers::0"}]
    assert flat["train"]["trainer"]["train_handlers"] == "@train::handlers"
    assert flat["run"] == [
        "$@train::handlers::1.x + @train::handlers::0.y",
        "@train::handlers::0",
        "@train::handlers_of::b",
    ]
    assert flat["handlers"] == ["kept"]


def test_results_are_resumed_only_where_the_configuration_is_known(exported):
    config = json.loads((exported / "configs" / "inference.json").read_text())
    assert config["resume"] == "$@merged_config is not None"
    assert config["merged_config"] is None


def test_the_record_of_the_kept_epoch_comes_along(exported, trained):
    records = [json.loads(path.with_name("recipe.json").read_text()) for path in (exported / "models" / "x", trained)]
    assert records[0] == records[1]
    assert records[0]["kept"]["epoch"] == 1


def test_a_zip_file_has_the_folder_at_its_top(trained, tmp_path, capsys):
    out = tmp_path / "mine"
    assert main(["bundle", "refuge_mtl", str(out), "--weights", str(trained), "--zip"]) == 0
    assert capsys.readouterr().out == "Wrote the folder mine and, beside it, mine.zip.\n"
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        assert names == {f"mine/{path.relative_to(out)}" for path in out.rglob("*") if path.is_file()}
        assert archive.read("mine/models/model.pt") == (out / "models" / "model.pt").read_bytes()
    shutil.rmtree(out)
    assert main(["bundle", "refuge_mtl", str(out), "--weights", str(trained), "--zip"]) == 2
    assert "mine.zip: expected no such file, but got one" in capsys.readouterr().err
    assert not out.exists()


def test_a_bundle_of_your_own_needs_no_items_for_other_programs(tmp_path):
    shutil.copytree(BUNDLES, tmp_path / "bundles", ignore=shutil.ignore_patterns("models", "stock.yaml"))
    root = tmp_path / "bundles" / "refuge_mtl"
    assert export_bundle(str(root), tmp_path / "out") is None
    assert (tmp_path / "out/configs/metadata.json").read_text() == (root / "configs/metadata.json").read_text()
    inference = json.loads((tmp_path / "out/configs/inference.json").read_text())
    assert inference["network_def"]["_target_"] == "fundus_mtl.networks.VGGUNet"
    assert "MONAI Label" not in (tmp_path / "out/docs/README.md").read_text()


def test_onnx_without_its_packages_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("fundus_mtl.workflow._exported_networks.find_spec", lambda name: None if name == "onnx" else 1)
    with pytest.raises(RefusedError, match=r"but got no onnx; install fundus-mtl\[onnx\]"):
        export_bundle("digits_mtl", tmp_path / "out", onnx=True)
    assert not (tmp_path / "out").exists()
