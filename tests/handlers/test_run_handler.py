"""One training, one MLflow run: its status, its curves, its privacy, across crashes and resumes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.handlers import BestModelSaver, RunHandler, log_to_run
from fundus_mtl.tracking import describe_samples, scalars, without_paths
from fundus_mtl.tracking._client import RUN_FILE
from fundus_mtl.tracking._redact import HIDDEN
from fundus_mtl.tracking._run import _HOW_TO_READ

# MLflow 3.17 maps its tables in a way that SQLAlchemy 2.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture
def make_handler(tracking_uri, experiment, tmp_path):
    def make(**kwargs):
        return RunHandler(tracking_uri, kwargs.pop("output_dir", tmp_path), experiment_name=experiment, **kwargs)

    return make


@pytest.fixture
def runs(client, experiment):
    def find():
        return client.search_runs(client.get_experiment_by_name(experiment).experiment_id, order_by=["start_time ASC"])

    return find


def history(client, run, name):
    return [(m.step, m.value) for m in sorted(client.get_metric_history(run.info.run_id, name), key=lambda m: m.step)]


def two_tasks(engine, batch):
    """Losses worked by hand: disc is the iteration's number; cup has a label in the even iterations only."""
    i = engine.state.iteration
    return {"image": batch["image"], "loss": torch.tensor(2.0 * i), "loss_disc": torch.tensor(float(i))} | (
        {"loss_cup": torch.tensor(10.0 * i)} if i % 2 == 0 else {}
    )


def decollated(engine, batch):
    """The same as MONAI leaves it at ITERATION_COMPLETED."""
    output = two_tasks(engine, batch)
    return [{key: value if key == "image" else float(value) for key, value in output.items()} for _ in range(2)]


@pytest.mark.parametrize("update", [two_tasks, decollated])
def test_curves_of_a_training(make_handler, make_engines, client, runs, update):
    handler = make_handler(iteration_interval=3)
    trainer, _ = make_engines([handler], epochs=2, update=update)
    seen = []
    trainer.add_event_handler("EPOCH_COMPLETED", lambda _: seen.append(runs()[0].info.status))  # after the validation
    trainer.run()
    (run,) = runs()
    assert seen == ["RUNNING", "RUNNING"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"max_epochs": "2", "epoch_length": "4"}
    assert history(client, run, "train/loss_disc") == [(1, 2.5), (2, 6.5)]  # mean of 1 2 3 4, of 5 6 7 8
    assert history(client, run, "train/loss_cup") == [(1, 30.0), (2, 70.0)]  # mean of 20 40, of 60 80
    assert history(client, run, "train/loss") == [(1, 5.0), (2, 13.0)]
    assert history(client, run, "iteration/loss_disc") == [(3, 3.0), (6, 6.0)]
    assert history(client, run, "iteration/loss_cup") == [(6, 60.0)]
    assert history(client, run, "lr/0") == [(1, 0.1), (2, 0.1)]
    assert history(client, run, "val/dice") == [(1, 0.5), (2, 0.7)]


def test_metrics_of_the_kept_epoch_have_names_of_their_own(make_handler, make_engines, client, runs, tmp_path):
    """After the training, the latest `val/dice` is that of the last epoch, `kept/dice` that of the saved weights."""
    handler = make_handler()
    trainer, evaluator = make_engines([handler], metrics=(0.5, 0.7, 0.6), epochs=3, evaluator_handlers=[])
    BestModelSaver(trainer.network, tmp_path / "model.pt", run=handler).attach(evaluator)
    handler.attach(evaluator)
    trainer.run()
    (run,) = runs()
    assert history(client, run, "kept/dice") == [(1, 0.5), (2, 0.7)]
    assert history(client, run, "kept/epoch") == [(1, 1.0), (2, 2.0)]
    assert {name: run.data.metrics[name] for name in ("val/dice", "kept/dice", "kept/epoch")} == {
        "val/dice": 0.6,
        "kept/dice": 0.7,
        "kept/epoch": 2.0,
    }


def test_stock_trainer_and_named_groups(make_handler, make_engines, client, runs):
    handler = make_handler(iteration_interval=0)
    trainer, _ = make_engines([handler], epochs=1)
    trainer.optimizer.param_groups[0]["name"] = "encoder"
    expected = []
    trainer.add_event_handler("ITERATION_COMPLETED", lambda e: expected.append(e.state.output[0]["loss"]))
    trainer.run()
    (run,) = runs()
    assert history(client, run, "train/loss") == [(1, pytest.approx(sum(expected) / 4))]
    assert history(client, run, "lr/encoder") == [(1, 0.1)]
    assert not [name for name in run.data.metrics if name.startswith("iteration")]


@pytest.mark.parametrize(
    "error, status", [(ValueError("boom"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(143), "KILLED")]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_crash_is_marked(make_handler, make_engines, runs, tmp_path, error, status, first):
    """Whether the handler stands before or after another that listens to exceptions and raises them again."""
    from monai.handlers import StatsHandler

    def fail(engine, batch):
        raise error

    (tmp_path / "log.txt").write_text("the last words")
    handler = make_handler(artifacts=[tmp_path / "log.txt", tmp_path / "absent.pt"])
    others = [StatsHandler(output_transform=lambda _: None)]
    trainer, _ = make_engines([handler, *others] if first else [*others, handler], update=fail)
    with pytest.raises(type(error)):
        trainer.run()
    (run,) = runs()
    assert run.info.status == status
    assert run.info.end_time is not None
    assert [f.path for f in handler.client.list_artifacts(run.info.run_id)] == ["log.txt"]


def test_a_crash_in_validation_is_marked(make_handler, make_engines, runs):
    trainer, evaluator = make_engines([make_handler()])
    evaluator.add_event_handler("ITERATION_STARTED", lambda e: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.run()
    assert [run.info.status for run in runs()] == ["FAILED"]


def test_a_swallowed_exception_is_no_success(make_handler, make_engines, runs):
    trainer, evaluator = make_engines([make_handler()])
    evaluator.add_event_handler("STARTED", lambda _: 1 / 0)
    trainer.add_event_handler("EXCEPTION_RAISED", lambda *_: None)
    trainer.run()
    assert [run.info.status for run in runs()] == ["FAILED"]


def test_validation_before_training_does_not_own_the_run(make_handler, make_engines, client, runs):
    trainer, evaluator = make_engines([make_handler()], metrics=(0.5, 0.7), epochs=2)
    trainer.add_event_handler("STARTED", lambda _: evaluator.run(1))
    trainer.run()
    (run,) = runs()
    assert run.data.params["max_epochs"] == "2"
    assert run.info.status == "FINISHED"


def resume(trainer, epoch):
    trainer.load_state_dict({"epoch_length": 4, "max_epochs": 3, "iteration": 4 * epoch})


def test_resume_goes_on_with_the_run(make_handler, make_engines, client, runs):
    config = {"a": 1}
    make_engines([make_handler(config=config)], epochs=2)[0].run()
    trainer, _ = make_engines([make_handler(params={"max_epochs": 99, "new": "yes"}, config=config)])
    resume(trainer, 2)
    trainer.run()
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.params == {"max_epochs": "2", "epoch_length": "4", "new": "yes"}  # the first value stays
    assert history(client, run, "val/dice") == [(1, 0.5), (2, 0.7), (3, 0.6)]
    assert [step for step, _ in history(client, run, "train/loss")] == [1, 2, 3]
    names = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert names == {"config.yaml", "config_from_epoch_3.yaml"}


def test_a_killed_training_goes_on_with_its_run(make_handler, make_engines, client, runs):
    """SIGKILL leaves the run RUNNING; the resumed training ends it, and tells nothing twice."""
    data = {"training": [{"id": "a"}], "validation": [{"id": "b"}]}
    make_engines([make_handler(datasets=data)], epochs=2)[0].run()
    (dead,) = runs()
    client.update_run(dead.info.run_id, status="RUNNING")
    trainer, _ = make_engines([make_handler(datasets=data)])
    resume(trainer, 2)
    trainer.run()
    (run,) = runs()
    assert (run.info.run_id, run.info.status) == (dead.info.run_id, "FINISHED")
    assert run.info.end_time > dead.info.end_time
    inputs = {entry.dataset.name: [tag.value for tag in entry.tags] for entry in run.inputs.dataset_inputs}
    assert inputs == {"training": ["training"], "validation": ["validation"]}
    assert len(run.inputs.dataset_inputs) == 2


def test_a_fresh_training_in_the_same_folder_is_a_new_run(make_handler, make_engines, runs):
    trainer, _ = make_engines([make_handler()], update=lambda e, b: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.run()
    make_engines([make_handler()], epochs=1)[0].run()
    assert [run.info.status for run in runs()] == ["FAILED", "FINISHED"]


def test_resume_false_and_true_and_by_id(make_handler, make_engines, runs, tmp_path):
    make_engines([make_handler()], epochs=1)[0].run()
    trainer, _ = make_engines([make_handler(resume=False)])
    resume(trainer, 2)
    trainer.run()
    first, second = (run.info.run_id for run in runs())
    assert json.loads((tmp_path / RUN_FILE).read_text())["run_id"] == second
    make_engines([make_handler(resume=True, params={"by": "note"})], epochs=1)[0].run()
    make_engines([make_handler(run_id=first, params={"by": "id"})], epochs=1)[0].run()
    assert {run.info.run_id: run.data.params["by"] for run in runs()} == {first: "id", second: "note"}


def test_resume_without_a_run_is_refused(make_handler, make_engines, tmp_path):
    trainer, _ = make_engines([make_handler(resume=True)])
    with pytest.raises(ValueError, match=r"expected mlflow_run\.json in the output folder .* but got none"):
        trainer.run()
    (tmp_path / RUN_FILE).write_text('{"experiment": "x", "run_id": "0123"}')
    trainer, _ = make_engines([make_handler(resume=True)])
    with pytest.raises(ValueError, match="expected run 0123 in experiment .* no such run"):
        trainer.run()
    trainer, _ = make_engines([make_handler()], epochs=3)
    resume(trainer, 2)
    trainer.run()  # auto: the store was thrown away, a new run is opened


def test_a_run_left_running_by_a_dead_process_is_closed(make_handler, make_engines, client, runs):
    make_engines([make_handler()], epochs=1)[0].run()
    (dead,) = runs()
    client.update_run(dead.info.run_id, status="RUNNING")
    make_engines([make_handler()], epochs=1)[0].run()
    assert [run.info.status for run in runs()] == ["KILLED", "FINISHED"]


def test_no_paths_and_no_names_leave_the_machine(make_handler, make_engines, client, runs, tmp_path):
    import getpass

    secret = tmp_path / "DOE_JOHN"
    config = {"image": str(secret / "a.png"), "dirs": [f"$'{secret}/x' + @y"], "keep": "$@bundle_root + '/models'"}
    items = [
        {"id": "DOE_JOHN", "image": str(secret / "a.png"), "disc": "m.png", "glaucoma": 1},
        {"id": "B", "disc": "n"},
    ]
    handler = make_handler(
        config=json.dumps(config), tags={"method": "pcgrad", "data": secret}, params={"data": {"root": str(secret)}},
        datasets={"train": items}, note="Fold 0.", parent_run_id="42", run_name="fold 0",
    )  # fmt: skip
    make_engines([handler], epochs=1)[0].run()
    (run,) = runs()
    logged = (
        json.dumps([run.data.to_dictionary(), run.inputs.to_dictionary()])
        + Path(client.download_artifacts(run.info.run_id, "config.yaml")).read_text()
    )
    assert "DOE" not in logged
    assert str(tmp_path) not in logged
    assert "$@bundle_root + '/models'" in logged
    assert run.info.user_id != getpass.getuser() or run.info.user_id == "unknown"
    assert run.data.tags["mlflow.parentRunId"] == "42"
    assert run.data.tags["method"] == "pcgrad"
    assert run.data.tags["mlflow.note.content"].split("\n\n") == ["Fold 0.", _HOW_TO_READ]
    assert run.info.run_name == "fold 0"
    (dataset,) = (entry.dataset for entry in run.inputs.dataset_inputs)
    assert json.loads(dataset.profile) == {"num_rows": 2, "disc": 2, "glaucoma": 1, "id": 2, "image": 1}
    assert len(dataset.digest) == 16


def test_the_commit_is_noted_and_its_absence_is_no_error(make_handler, make_engines, runs, monkeypatch):
    monkeypatch.setattr("mlflow.utils.git_utils.get_git_commit", lambda path: "c0ffee")
    make_engines([make_handler()], epochs=1)[0].run()
    monkeypatch.setattr("mlflow.utils.git_utils.get_git_commit", lambda path: None)
    make_engines([make_handler()], epochs=1)[0].run()
    assert [run.data.tags.get("mlflow.source.git.commit") for run in runs()] == ["c0ffee", None]


def test_vectors_and_nan_do_not_stop_the_training(make_handler, make_engines, client, runs):
    trainer, evaluator = make_engines([make_handler()], metrics=(math.nan, 0.25), epochs=2)

    @evaluator.on("COMPLETED")
    def _(engine):
        engine.state.metrics.clear()

    evaluator.add_event_handler("EPOCH_STARTED", lambda e: e.state.metrics.update(dice=torch.tensor([0.1, 0.2]), t="x"))
    trainer.run()
    (run,) = runs()
    (_, first), (_, second) = history(client, run, "val/dice")
    assert math.isnan(first)
    assert second == 0.25
    assert history(client, run, "dice_1") == [(1, pytest.approx(0.2)), (2, pytest.approx(0.2))]


def test_a_server_that_is_away_for_a_while(make_handler, make_engines, client, runs, monkeypatch):
    from mlflow.exceptions import MlflowException

    handler = make_handler()
    write, calls = handler.client.log_batch, []

    def flaky(run_id, metrics=(), **kwargs):
        calls.append(len(metrics))
        if metrics and sum(1 for count in calls if count) == 1:
            raise MlflowException("no route to host")
        return write(run_id, metrics=metrics, **kwargs)

    monkeypatch.setattr(handler.client, "log_batch", flaky)
    make_engines([handler], epochs=2)[0].run()
    (run,) = runs()
    assert [step for step, _ in history(client, run, "train/loss")] == [1, 2]


def test_folders_are_copied_without_the_store_itself(make_handler, make_engines, client, runs, tmp_path):
    bundle = tmp_path / "bundle"
    for name in ("configs/train.yaml", "models/model.pt", "runs/mlruns/1/x", "runs/mlruns.db", "runs/mlruns.db-wal"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text(name)
    make_engines([make_handler(artifacts={"shipped": bundle}, output_dir=bundle)], epochs=1)[0].run()
    (run,) = runs()
    folder = Path(client.download_artifacts(run.info.run_id, "shipped"))
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {"configs/train.yaml", "models/model.pt"}


@pytest.mark.parametrize("uri", [None, "", "None", "none"])
def test_off(uri, make_engines, tmp_path, monkeypatch):
    monkeypatch.setattr("mlflow.MlflowClient", None)
    trainer, _ = make_engines([RunHandler(uri, tmp_path / "out")], epochs=1)
    trainer.run()
    assert log_to_run(uri, tmp_path, {"a": 1}) is None
    assert not (tmp_path / "out").exists()


def test_only_the_first_process_writes(make_handler, make_engines, client, experiment):
    handler = make_handler()
    trainer, _ = make_engines([], epochs=1)
    trainer.state.rank = 1
    handler.attach(trainer)
    trainer.run()
    assert client.get_experiment_by_name(experiment) is None


def test_environment_does_not_redirect(tracking_uri, make_handler, make_engines, runs, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.invalid")
    make_engines([make_handler()], epochs=1)[0].run()
    assert len(runs()) == 1


def test_telemetry_is_off(make_handler):
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from mlflow.telemetry import get_telemetry_client

    make_handler()
    assert get_telemetry_client() is None
    assert MLFLOW_DISABLE_TELEMETRY.get() is True


def test_results_of_an_evaluation_join_the_training(tracking_uri, make_handler, make_engines, client, runs, tmp_path):
    make_engines([make_handler()], epochs=1)[0].run()
    (tmp_path / "table.csv").write_text("a,b\n")
    metrics = {"dice": 0.5, "test/auc": np.float32(0.75), "per_class": torch.tensor([0.25, 0.5])}
    run_id = log_to_run(tracking_uri, tmp_path, metrics, {"tables": tmp_path / "table.csv"})
    (run,) = runs()
    assert run.info.run_id == run_id
    assert run.info.status == "FINISHED"
    found = {name: value for name, value in run.data.metrics.items() if name.startswith("test/")}
    assert found == {"test/dice": 0.5, "test/auc": 0.75, "test/per_class_0": 0.25, "test/per_class_1": 0.5}
    assert [f.path for f in client.list_artifacts(run_id, "tables")] == ["tables/table.csv"]
    assert log_to_run(tracking_uri, run_id, {"by_id": 1}) == run_id
    assert log_to_run(tracking_uri, tmp_path / "nowhere", {"a": 1}) is None


@pytest.mark.parametrize(
    "text, expected",
    [
        ("/home/doe/x", HIDDEN),
        ("~/x", HIDDEN),
        ("C:\\Users\\doe", HIDDEN),
        ("sqlite:////home/doe/mlruns.db", HIDDEN),
        ("$'/home/John Doe/x' + @y", f"$'{HIDDEN}' + @y"),
        ('$pathlib.Path("/data/doe")', f'$pathlib.Path("{HIDDEN}")'),
        ("trained on /data/doe/x, twice", f"trained on {HIDDEN}, twice"),
        ("see sqlite:////home/doe/x.db now", f"see {HIDDEN} now"),
        ("$@bundle_root + '/models'", "$@bundle_root + '/models'"),
        ("$@a / @b / 2", "$@a / @b / 2"),
        ("$(@a)/(@b)/2", "$(@a)/(@b)/2"),
        ("bundles/refuge_mtl/configs", "bundles/refuge_mtl/configs"),
        ("train::trainer", "train::trainer"),
        ("@a", "@a"),
        ("", ""),
    ],
)
def test_paths_are_hidden(text, expected):
    assert without_paths(text) == expected
    assert without_paths({"a": [text, 1, None, True]}) == {"a": [expected, 1, None, True]}


@settings(deadline=None, derandomize=True)
@given(parts=st.lists(st.from_regex(r"[A-Za-z0-9]{5,8}", fullmatch=True), min_size=2, max_size=4))
def test_no_part_of_a_path_survives(parts):
    path = "/" + "/".join(parts)
    for text in (path, f"$open('{path}')", f'$f("{path}")', f"about {path} and more", f"file://{path}"):
        assert not [part for part in parts if part in without_paths(text).replace("about", "").replace("more", "")]


def test_digest_is_of_the_samples_not_of_their_place():
    items = [{"id": "a", "image": "/x/a.png", "fovea": [1, 2]}, {"id": "b", "image": "/x/b.png", "disc": None}]
    moved = [{"image": "/elsewhere/b.png", "id": "b"}, {"fovea": [1, 2], "image": "/y/a.png", "id": "a"}]
    known = describe_samples(items)
    assert known == describe_samples(moved)
    assert known["present"] == {"fovea": 1, "id": 2, "image": 2}
    moved[1]["fovea"] = [1, 3]
    assert describe_samples(moved)["digest"] != known["digest"]
    assert describe_samples([])["samples"] == 0


def test_scalars():
    assert scalars({"a": True, "b": np.float64(2), "c": torch.tensor(3), "d": {"x": 1, "y": [2, 3]}}) == {
        "a": 1, "b": 2, "c": 3, "d_x": 1, "d_y_0": 2, "d_y_1": 3,
    }  # fmt: skip
    assert scalars({"a": None, "b": "text", "c": torch.zeros(2, 2), "d": range(33), "e": object(), "f": []}) == {}
    assert scalars({"dice@0.5(cup)": 1}, prefix="test/") == {"test/dice_0.5_cup_": 1}
    assert scalars({"half": torch.tensor(0.5, dtype=torch.bfloat16)}) == {"half": 0.5}


def test_a_failure_while_the_run_is_described_is_marked(make_handler, make_engines, runs):
    trainer, _ = make_engines([make_handler(config="{not JSON")])
    with pytest.raises(json.JSONDecodeError):
        trainer.run()
    assert [run.info.status for run in runs()] == ["FAILED"]


def test_what_a_method_says_of_the_losses_is_told_too():
    from fundus_mtl.handlers._run_metrics import losses

    output = {"loss": 1.0, "loss_a": 0.5, "weight_a": 2.0, "divergence_a": 0.25, "labelled_a": 3, "pred_a": [1.0]}
    assert losses(output) == {"loss": 1.0, "loss_a": 0.5, "weight_a": 2.0, "divergence_a": 0.25}
