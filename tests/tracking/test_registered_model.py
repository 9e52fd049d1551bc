"""A finished run's bundle becomes a version of a registered model; nothing else does, and no training is lost over it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fundus_mtl.handlers import RunHandler

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "shipped"
    for name in ("configs/train.yaml", "models/model.pt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return {"bundle/configs": folder / "configs", "bundle/models": folder / "models"}


@pytest.fixture
def make_handler(tracking_uri, experiment, tmp_path, bundle):
    def make(name=None, **kwargs):
        given = {"artifacts": bundle, "registered_model": name or experiment} | kwargs
        return RunHandler(tracking_uri, tmp_path / "out", experiment_name=experiment, **given)

    return make


@pytest.fixture
def versions(client):
    return lambda name: sorted(client.search_model_versions(f"name = '{name}'"), key=lambda found: int(found.version))


def test_every_finished_run_is_the_next_version(make_handler, make_engines, versions, client, experiment, monkeypatch):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://elsewhere.invalid")
    folder = "/home/DOE_JOHN/data"
    for seed in (0, 1):
        handler = make_handler(tags={"method": "pcgrad", "seed": seed, "data": folder}, note=f"Seed {seed}: {folder}.")
        make_engines([handler], epochs=1)[0].run()
    first, second = versions(experiment)
    assert [int(first.version), int(second.version)] == [1, 2]
    assert [first.status, second.status] == ["READY", "READY"]
    assert first.tags["method"] == "pcgrad"
    assert not [key for key in first.tags if key.startswith("mlflow.")]
    assert [first.tags["seed"], second.tags["seed"]] == ["0", "1"]
    assert second.description.startswith("Seed 1")
    assert not any("DOE" in f"{made.tags}{made.description}" for made in (first, second))
    run = client.get_run(second.run_id)
    assert run.info.status == "FINISHED"
    assert second.source == f"{run.info.artifact_uri}/bundle"


def test_a_version_is_downloaded_by_its_name(
    make_handler, make_engines, experiment, tracking_uri, tmp_path, monkeypatch
):
    from mlflow.artifacts import download_artifacts

    make_engines([make_handler()], epochs=1)[0].run()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri)  # where a registered model is looked up
    (tmp_path / "got").mkdir()
    got = Path(download_artifacts(f"models:/{experiment}/1", dst_path=str(tmp_path / "got")))
    assert (got / "models" / "model.pt").read_text() == "models/model.pt"
    assert (got / "configs" / "train.yaml").is_file()


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt()])
def test_what_did_not_finish_is_no_model(error, make_handler, make_engines, versions, experiment):
    def fail(engine, batch):
        raise error

    trainer, _ = make_engines([make_handler()], update=fail)
    with pytest.raises(type(error)):
        trainer.run()
    assert versions(experiment) == []


def test_nothing_is_registered_unless_it_is_wanted(tracking_uri, bundle, make_engines, client, experiment, tmp_path):
    before = len(client.search_registered_models())
    make_engines([RunHandler(tracking_uri, tmp_path, experiment_name=experiment, artifacts=bundle)], epochs=1)[0].run()
    assert len(client.search_registered_models()) == before


def test_a_run_without_a_bundle_is_a_line_in_the_log(make_handler, make_engines, versions, experiment, caplog):
    with caplog.at_level(logging.WARNING):
        make_engines([make_handler(artifacts=())], epochs=1)[0].run()
    assert "no bundle among its artifacts" in caplog.text
    assert versions(experiment) == []


def test_a_registry_that_fails_does_not_cost_the_training(make_handler, make_engines, client, experiment, caplog):
    from mlflow.exceptions import MlflowException

    def fail(*args, **kwargs):
        raise MlflowException("no route to host")

    handler = make_handler()
    handler.client.create_model_version = fail
    with caplog.at_level(logging.WARNING):
        make_engines([handler], epochs=1)[0].run()
    assert "was not registered" in caplog.text
    (run,) = client.search_runs(client.get_experiment_by_name(experiment).experiment_id)
    assert run.info.status == "FINISHED"


def test_artifacts_that_did_not_arrive_are_not_registered(make_handler, make_engines, versions, experiment):
    def fail(*args, **kwargs):
        raise OSError("no space left")

    handler = make_handler()
    handler.client.log_artifact = fail
    with pytest.raises(OSError, match="no space left"):
        make_engines([handler], epochs=1)[0].run()
    assert versions(experiment) == []


@pytest.mark.parametrize("name", ["", " ", "eyes/refuge", "eyes:2"])
def test_a_name_that_mlflow_refuses_is_told_at_once(name, tmp_path):
    with pytest.raises(ValueError, match=r"registered_model: expected a name without / and :, but got"):
        RunHandler(None, tmp_path, registered_model=name)
