"""Opening a store: together with others, without a server, with an experiment that was deleted."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from fundus_mtl.handlers import RunHandler
from fundus_mtl.tracking import TrackingError, TrackingRefusedError, find_or_create_experiment, open_client
from fundus_mtl.tracking._database import database_file, opening_database

TOGETHER = """
import sys, time
from fundus_mtl.tracking import find_or_create_experiment, open_client
while time.time() < float(sys.argv[2]):
    time.sleep(0.01)
client = open_client(sys.argv[1])
print(find_or_create_experiment(client, "together", None))
"""


def test_trainings_that_start_together_share_a_new_database(tmp_path):
    uri = f"sqlite:///{tmp_path}/new folder/runs.db"
    start = str(time.time() + 6)  # imports take some seconds
    command = [sys.executable, "-c", TOGETHER, uri, start]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    ended = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], [err[-2000:] for _, err in ended]
    assert {out.split()[-1] for out, _ in ended} == {"1"}  # one experiment
    with sqlite3.connect(tmp_path / "new folder/runs.db") as database:
        assert database.execute("select count(*) from experiments where name = 'together'").fetchone() == (1,)


def test_a_database_is_opened_by_one_process_at_a_time(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    uri = f"sqlite:///{tmp_path}/a/runs.db"
    with opening_database(uri), (tmp_path / "a/runs.db.lock").open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "a/runs.db.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_other_stores_need_no_lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for uri in ("http://localhost:5000", "postgresql://host/runs"):
        assert database_file(uri) is None
        with opening_database(uri):
            assert not list(tmp_path.iterdir())


@pytest.fixture
def address():
    """The address of a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def patience(monkeypatch):
    """The variables that `open_client` sets, restored afterwards."""
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "1")
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_server_that_is_away_is_one_sentence_at_once(address, patience, tmp_path):
    began = time.monotonic()
    with pytest.raises(
        TrackingRefusedError, match="expected an MLflow server that answers, but got Connect.*; start the"
    ):
        RunHandler(address, tmp_path)
    assert time.monotonic() - began < 15
    assert TrackingRefusedError("", "").exit_code == 2  # of the command; no traceback


def test_later_calls_are_repeated_briefly(address, patience):
    """A server that has been there: MLflow's own call, which takes two minutes by default."""
    with pytest.raises(TrackingRefusedError):
        open_client(address)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    began = time.monotonic()
    with pytest.raises(MlflowException):
        MlflowClient(address).get_run("a")
    assert time.monotonic() - began < 30


def test_the_users_own_patience_is_kept(address, patience):
    from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES

    patience.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    with pytest.raises(TrackingRefusedError):
        open_client(address)
    assert MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() == 5


def test_a_deleted_experiment_is_one_sentence(client, tracking_uri, experiment, make_engines, tmp_path):
    client.delete_experiment(find_or_create_experiment(client, experiment, None))
    trainer, _ = make_engines([RunHandler(tracking_uri, tmp_path, experiment_name=experiment)], epochs=1)
    with pytest.raises(TrackingRefusedError, match=f"but got '{experiment}', which was deleted; restore it with"):
        trainer.run()


@pytest.mark.parametrize("name", [12, None, "", " "])
def test_a_name_that_is_no_text_is_one_sentence(name, client):
    with pytest.raises(TrackingRefusedError, match=f"experiment_name: expected a text, but got {name!r}; write it in"):
        find_or_create_experiment(client, name, None)


def test_an_experiment_that_another_training_creates_meanwhile(client, experiment, monkeypatch):
    own = find_or_create_experiment(client, experiment, None)
    asked, find = [], client.get_experiment_by_name

    def late(name):
        asked.append(name)
        return find(name) if len(asked) > 1 else None

    monkeypatch.setattr(client, "get_experiment_by_name", late)
    assert find_or_create_experiment(client, experiment, None) == own
    assert asked == [experiment, experiment]


@pytest.mark.parametrize("fails", [False, True])
def test_a_server_that_is_gone_at_the_end(fails, tracking_uri, experiment, make_engines, tmp_path, monkeypatch, caplog):
    """The training is complete, so its end is an error; an error of the training itself must not be hidden by another."""
    from mlflow.exceptions import MlflowException

    def away(*_, **__):
        raise MlflowException("no route to host")

    def broken(*_):
        raise ZeroDivisionError

    handler = RunHandler(tracking_uri, tmp_path / "out", experiment_name=experiment)
    trainer, _ = make_engines([handler], epochs=1, update=broken if fails else None)
    monkeypatch.setattr(handler.client, "set_terminated", away)
    expected = (ZeroDivisionError, None) if fails else (TrackingError, "all files of the training are in 'out'")
    with pytest.raises(expected[0], match=expected[1]):
        trainer.run()
    assert ("it stays RUNNING" in caplog.text) is fails
