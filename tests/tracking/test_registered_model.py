"""A finished run's bundle becomes a version of a registered model; nothing else does, and no training is lost over it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from fundus_mtl.handlers import BestModelSaver, RunHandler, log_to_run
from fundus_mtl.tracking import find_or_create_experiment

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
    (output,) = run.outputs.model_outputs
    assert second.source == client.get_logged_model(output.model_id).artifact_location


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


def test_artifacts_that_did_not_arrive_are_not_registered(make_handler, make_engines, versions, client, experiment):
    def fail(*args, **kwargs):
        raise OSError("no space left")

    handler = make_handler()
    handler.client.log_model_artifact = fail
    with pytest.raises(OSError, match="no space left"):
        make_engines([handler], epochs=1)[0].run()
    assert versions(experiment) == []
    experiments = [client.get_experiment_by_name(experiment).experiment_id]
    assert [model.status for model in client.search_logged_models(experiments)] == ["FAILED"]


def test_the_bundle_of_a_finished_run_is_a_logged_model(make_handler, make_engines, client, experiment, tmp_path):
    """With the metrics of the saved weights; the bundle of a run that failed stays among its artifacts."""
    handler = make_handler(registered_model=None, params={"lr": 0.1}, loader_module="any.module")
    trainer, evaluator = make_engines([handler], evaluator_handlers=[])
    BestModelSaver(trainer.network, tmp_path / "model.pt", run=handler).attach(evaluator)
    handler.attach(evaluator)
    trainer.run()
    log_to_run(handler.client.tracking_uri, tmp_path / "out", {"auc": 0.9}, {"bundle/models": tmp_path / "model.pt"})
    experiments = [client.get_experiment_by_name(experiment).experiment_id]
    (model,) = client.search_logged_models(experiments)
    (run,) = client.search_runs(experiments)
    assert (model.name, model.status, model.source_run_id) == ("bundle", "READY", run.info.run_id)
    assert model.params["lr"] == "0.1"
    assert {metric.key: metric.value for metric in model.metrics} == {
        "kept/epoch": 2,
        "kept/dice": 0.7,
        "test/auc": 0.9,
    }
    assert not client.list_artifacts(run.info.run_id)
    files = {file.path for file in client.list_logged_model_artifacts(model.model_id)}
    assert files == {"MLmodel", "configs", "models", "python_env.yaml", "requirements.txt"}
    assert len(client.list_logged_model_artifacts(model.model_id, "models")) == 1
    assert str(tmp_path / "out") not in str(model.to_dictionary())


def test_the_bundle_of_a_failed_run_stays_among_its_artifacts(make_handler, make_engines, client, experiment):
    trainer, _ = make_engines([make_handler()], update=lambda engine, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.run()
    experiments = [client.get_experiment_by_name(experiment).experiment_id]
    (run,) = client.search_runs(experiments)
    assert {file.path for file in client.list_artifacts(run.info.run_id, "bundle")} == {
        "bundle/configs",
        "bundle/models",
    }
    assert not client.search_logged_models(experiments)


def test_an_experiment_has_the_kind_of_trainings(make_handler, make_engines, client, experiment):
    """Also for an experiment that exists; a kind that somebody has chosen is kept."""
    for number, kind in enumerate((None, "classification")):
        name = f"{experiment} {number}"
        made = client.create_experiment(name, tags={} if kind is None else {"mlflow.experimentKind": kind})
        find_or_create_experiment(client, name, None)
        assert client.get_experiment(made).tags["mlflow.experimentKind"] == (kind or "custom_model_development")
    made = find_or_create_experiment(client, f"{experiment} new", None)
    assert client.get_experiment(made).tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.parametrize("name", ["", " ", "eyes/refuge", "eyes:2"])
def test_a_name_that_mlflow_refuses_is_told_at_once(name, tmp_path):
    with pytest.raises(ValueError, match=r"registered_model: expected a name without / and :, but got"):
        RunHandler(None, tmp_path, registered_model=name)
