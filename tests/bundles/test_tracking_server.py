"""Trainings and a comparison through a tracking server. Slow, for a server has to start: one for the whole file."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mlflow.artifacts import download_artifacts
from monai.engines import SupervisedTrainer

from fundus_mtl.cli import main
from fundus_mtl.comparison import Comparison, Method
from fundus_mtl.comparison._parent_run import ComparisonRun
from fundus_mtl.handlers import RunHandler
from fundus_mtl.metrics import Temperature
from fundus_mtl.predictor import load_model
from tests.bundles.conftest import BUNDLES, run
from tests.servers import tracking_server

ROBUST = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "robust.yaml"
TINY = {"max_epochs": 1, "batch_size": 4, "val_interval": 1}
# What a colleague does who has the address of the server and a run, and no training.
LOADS_BACK = """
import sys
from mlflow.artifacts import download_artifacts
from fundus_mtl.cli import main
wanted, folder, out, item = sys.argv[1:]
weights = download_artifacts(wanted, dst_path=out) + "/models/model.pt"
sys.exit(main(["infer", folder, out + "/results", "--weights", weights, "--device", "cpu", "--set", item]))
"""
SMALL = "rules::withhold_ungradable=false"  # phantoms are


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with SQLite; its address."""
    folder = tmp_path_factory.mktemp("server")
    with tracking_server(folder, f"sqlite:///{folder}/server.db") as address:
        yield address


@pytest.fixture(scope="module")
def client(server):
    from fundus_mtl.tracking import open_client

    return open_client(server)


@pytest.fixture(scope="module")
def trained(server, refuge_data, tmp_path_factory):
    """The output folder of a tiny, calibrated training with an overlay, logged to the server and registered as a model."""
    out = tmp_path_factory.mktemp("trained")
    given = {"dataset_dir": str(refuge_data), "output_dir": str(out), "tracking_uri": server}
    run("refuge_mtl", "train", ROBUST, **TINY, **given, registered_model="eyes", system_metrics=True)
    with pytest.MonkeyPatch.context() as patch:  # four photographs are too few to calibrate on
        patch.setattr("fundus_mtl.metrics.fit_temperature", lambda rows, path: Temperature(1.5, len(rows)).save(path))
        run("refuge_mtl", "evaluate", ROBUST, **given, section="validation", calibrate=True)
    return out


@pytest.fixture(scope="module")
def run_id(trained):
    return json.loads((trained / "mlflow_run.json").read_text())["run_id"]


def test_a_training_on_a_server(run_id, client, trained, refuge_data):
    found = client.get_run(run_id)
    assert found.info.status == "FINISHED"
    assert {"train/loss", "val/score", "train/loss_disc"} <= set(found.data.metrics)
    files = {name: _names(client, found, name) for name in ("configs", "models")}
    assert {"common.yaml", "train.yaml", "inference.yaml", "metadata.json"} <= files["configs"]
    assert files["models"] == {"model.pt", "recipe.json", "vcdr_regression.json", "calibration.json"}
    assert {"LICENSE", "docs", "MLmodel"} <= _names(client, found)
    shared = {Path(file.path).name for file in client.list_artifacts(run_id, "shared")}
    assert {"train.yaml", "evaluate.yaml", "multi_gpu_train.yaml"} <= shared
    recorded = json.dumps([found.data.to_dictionary(), found.inputs.to_dictionary()])
    assert not [folder for folder in (trained, refuge_data, BUNDLES) if str(folder) in recorded]


def _names(client, run, folder=None):
    """Return the names of files and folders in a folder of the run's logged model."""
    (output,) = run.outputs.model_outputs
    return {Path(file.path).name for file in client.list_logged_model_artifacts(output.model_id, folder)}


def test_the_run_shows_what_it_was_trained_on(run_id, client, refuge_data):
    """Names, contexts, digests and counts; no photograph's name."""
    inputs = client.get_run(run_id).inputs.dataset_inputs
    contexts = {entry.dataset.name: [tag.value for tag in entry.tags] for entry in inputs}
    assert contexts == {"training": ["training"], "validation": ["validation"]}
    digests = {entry.dataset.digest for entry in inputs}
    assert len(digests) == 2
    profiles = {entry.dataset.name: json.loads(entry.dataset.profile) for entry in inputs}
    assert {name: profile["num_rows"] for name, profile in profiles.items()} == {"training": 16, "validation": 4}
    datalist = json.loads(next(refuge_data.glob("*.json")).read_text())
    recorded = json.dumps([entry.to_dictionary() for entry in inputs])
    assert not [item["id"] for item in datalist["training"] if item["id"] in recorded]


def test_the_registered_model_is_the_runs_bundle(run_id, client, server, trained, tmp_path, monkeypatch):
    (version,) = client.search_model_versions("name = 'eyes'")
    assert version.run_id == run_id
    assert version.status == "READY"
    assert version.source.startswith("mlflow-artifacts:/")
    assert version.tags["method"] == "joint"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)  # where a registered model is looked up
    got = Path(download_artifacts("models:/eyes/1", dst_path=str(tmp_path)))
    for name in ("model.pt", "recipe.json", "calibration.json"):
        assert (got / "models" / name).read_bytes() == (trained / "models" / name).read_bytes()


def test_the_bundle_predicts_in_a_fresh_process(server, trained, run_id, refuge_data, tmp_path):
    """With nothing but the address and the run it measures photographs as the training's own folder does."""
    photographs = tmp_path / "clinic"
    photographs.mkdir()
    for name in ("T0001", "T0002"):
        shutil.copy(next((refuge_data.parent / "raw").rglob(f"{name}.jpg")), photographs / f"{name}.jpg")
    own = ["infer", str(photographs), str(tmp_path / "own"), "--weights", str(trained / "models" / "model.pt")]
    assert main([*own, "--device", "cpu", "--set", SMALL]) == 0
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(BUNDLES.parent)}
    environment |= {"MLFLOW_TRACKING_URI": server, "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1"}
    out = tmp_path / "elsewhere"
    out.mkdir()
    command = [sys.executable, "-c", LOADS_BACK, f"runs:/{run_id}/bundle", str(photographs), str(out), SMALL]
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    measured = _rows(out / "results")
    assert measured == _rows(tmp_path / "own")
    assert [row["image_id"] for row in measured] == ["T0001.jpg", "T0002.jpg"]
    assert any(row["glaucoma_prob"] for row in measured)


@pytest.mark.filterwarnings("ignore:.*type hint is inferred as AnyType:UserWarning")  # by MLflow's own import
def test_mlflow_loads_the_registered_model(server, trained, refuge_data, tmp_path, monkeypatch):
    """By MLflow's own call: arrays, paths and tables of paths, with the answers of our own; nothing is unpickled."""
    import pickle

    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
    from PIL import Image

    def refuse(*args, **kwargs):
        raise AssertionError("a pickled object was loaded")

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    rules = {"rules::withhold_ungradable": False}
    model = mlflow.pyfunc.load_model("models:/eyes/1", model_config={"device": "cpu", "options": rules})
    monkeypatch.undo()
    files = [str(next((refuge_data.parent / "raw").rglob(f"{name}.jpg"))) for name in ("T0001", "T0002")]
    arrays = [np.asarray(Image.open(file)) for file in files]
    expected = load_model(trained / "models" / "model.pt", device="cpu", **rules)(arrays)
    for given in (arrays, files, np.stack(arrays), pd.DataFrame({"path": files})):
        found = model.predict(given)
        assert found["status"].tolist() == [answer.status for answer in expected]
        for name in ("vcdr", "glaucoma_prob"):
            np.testing.assert_array_equal(found[name].astype(float), [float(a.columns[name]) for a in expected])
    assert len(model.predict(arrays[0])) == len(model.predict(files[0])) == 1
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    broken = model.predict([str(tmp_path / "broken.jpg"), files[0]])
    assert broken["status"].tolist() == ["failed", expected[0].status]
    assert broken["reason"][0]
    assert model.get_raw_model()(arrays[:1])[0].masks.keys() == expected[0].masks.keys()
    with pytest.raises(ValueError, match="expected a column path, but got file"):
        model.predict(pd.DataFrame({"file": files}))


def _rows(out):
    """Return a folder's results without what differs between runs: when, and how fast."""
    with (out / "results.csv").open(newline="") as file:
        of_the_run = ("timestamp_utc", "runtime_s")
        return [{key: value for key, value in row.items() if key not in of_the_run} for row in csv.DictReader(file)]


def test_parent_and_child_of_a_comparison(server, tmp_path):
    comparison = Comparison(
        "digits_mtl", (Method("joint", "joint"),), {"val": "higher"}, output_dir=tmp_path / "out", tracking_uri=server
    )
    store = ComparisonRun(comparison)
    network = torch.nn.Linear(3, 1)
    child = tmp_path / "out" / "joint"
    handler = RunHandler(
        server, child, experiment_name=comparison.experiment_name, run_name="joint seed 0", parent_run_id=store.run_id
    )
    SupervisedTrainer(
        device="cpu",
        max_epochs=2,
        train_data_loader=[{"image": torch.rand(2, 3), "label": torch.rand(2, 1)}],
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        loss_function=torch.nn.MSELoss(),
        train_handlers=[handler],
    ).run()
    found = store.of_folder(child)
    assert found.info.status == "FINISHED"
    assert found.data.tags["mlflow.parentRunId"] == store.run_id
    assert [step for step, _ in store.history(found.info.run_id, "train/loss")] == [1, 2]
    store.client.update_run(found.info.run_id, status="RUNNING")
    store.close_training(child, "KILLED")
    assert store.of_folder(child).info.status == "KILLED"
    (tmp_path / "comparison.md").write_text("table")
    store.log({"comparison.md": tmp_path / "comparison.md"}, {"joint/val": 0.5}, {"data_sha256": "ab"})
    store.close("FINISHED")
    again = ComparisonRun(comparison)
    assert again.run_id == store.run_id
    assert [file.path for file in again.client.list_artifacts(again.run_id)] == ["comparison.md"]
    assert again.client.get_run(again.run_id).data.metrics == {"joint/val": 0.5}
    again.close("FINISHED")


def test_no_run_is_left_running(run_id, client):
    """After all of the above."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    assert not client.search_runs(experiments, "attributes.status = 'RUNNING'")
    assert len(client.search_runs(experiments)) >= 1
