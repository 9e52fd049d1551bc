"""MLflow's own measurements of the machine, in a run that MLflow's fluent interface knows nothing of."""

from __future__ import annotations

import threading
import time

import pytest

from fundus_mtl.handlers import RunHandler

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
CPU = "system/cpu_utilization_percentage"


@pytest.fixture
def measured(tracking_uri, experiment, client, tmp_path, make_engines, monkeypatch):
    """Train under measurement until the first numbers are in the store; return the runs of the experiment."""
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")

    def train(error=None, load=None, **kwargs):
        handler = RunHandler(tracking_uri, tmp_path, experiment_name=experiment, system_metrics=True, **kwargs)
        trainer, _ = make_engines([handler], epochs=2)
        if load is not None:
            trainer.load_state_dict({"epoch_length": 4, "max_epochs": 2, "iteration": load})

        @trainer.on("EPOCH_COMPLETED")
        def wait(engine):
            known = len(history(client, handler.cur_run))
            end = time.monotonic() + 120
            while len(history(client, handler.cur_run)) == known:
                assert time.monotonic() < end, "no measurement came"
                time.sleep(0.1)
            if error is not None:
                raise error

        try:
            trainer.run()
        finally:
            assert not watchers()
        return client.search_runs(client.get_experiment_by_name(experiment).experiment_id)

    return train


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "SystemMetricsMonitor"]


def history(client, run):
    return sorted(metric.step for metric in client.get_metric_history(run.info.run_id, CPU))


def test_measured_until_the_end_and_further_after_a_resume(measured, client):
    (run,) = measured()
    assert run.info.status == "FINISHED"
    assert {CPU, "system/system_memory_usage_megabytes", "system/disk_usage_percentage"} <= set(run.data.metrics)
    before = history(client, run)
    assert before == list(range(len(before)))
    (run,) = measured(load=4)
    after = history(client, run)
    assert len(after) > len(before)
    assert after == list(range(len(after)))  # no step twice


@pytest.mark.parametrize("error, status", [(ValueError("boom"), "FAILED"), (SystemExit(143), "KILLED")])
def test_a_crash_stops_the_measuring(error, status, measured, client, experiment):
    with pytest.raises(type(error)):
        measured(error)
    (run,) = client.search_runs(client.get_experiment_by_name(experiment).experiment_id)
    assert run.info.status == status
    assert history(client, run)


def test_not_unless_it_is_wanted(tracking_uri, experiment, tmp_path, make_engines):
    handler = RunHandler(tracking_uri, tmp_path, experiment_name=experiment)
    trainer, _ = make_engines([handler], epochs=1)
    trainer.add_event_handler("EPOCH_COMPLETED", lambda: seen.extend(watchers()))
    seen: list[threading.Thread] = []
    trainer.run()
    assert not seen


def test_without_psutil_the_remedy_is_told_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr("fundus_mtl.tracking._system_metrics.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="expected the package psutil, but got none; install it, or write"):
        RunHandler(None, tmp_path, system_metrics=True)
    RunHandler(None, tmp_path)
