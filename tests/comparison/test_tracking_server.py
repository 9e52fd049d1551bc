"""The same runs through a tracking server. Slow (15 s and more), for a server has to start: one test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import torch
from monai.engines import SupervisedTrainer

from fundus_mtl.comparison import Comparison, Method
from fundus_mtl.comparison._store import ComparisonRun
from fundus_mtl.handlers import RunHandler


@pytest.fixture
def server(tmp_path):
    """Start ``mlflow server`` on a fresh port of this machine; return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "served"),
    ]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        *store,
    ]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=tmp_path)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, 300)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _wait(address, process, seconds):
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(address, timeout=5) as answer:  # noqa: S310  # our own address
                assert answer.status == 200
                return
        except (URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.3)


def test_parent_and_child_on_a_server(server, tmp_path):
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
    run = store.of_folder(child)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == store.run_id
    assert [step for step, _ in store.history(run.info.run_id, "train_loss")] == [1, 2]
    store.client.update_run(run.info.run_id, status="RUNNING")
    store.tidy(child, "KILLED")
    assert store.of_folder(child).info.status == "KILLED"
    (tmp_path / "comparison.md").write_text("table")
    store.log([tmp_path / "comparison.md"], {"joint/val": 0.5}, {"data_sha256": "ab"})
    store.close("FINISHED")
    again = ComparisonRun(replace(comparison))
    assert again.run_id == store.run_id
    assert [file.path for file in again.client.list_artifacts(again.run_id)] == ["comparison.md"]
    assert again.client.get_run(again.run_id).data.metrics == {"joint/val": 0.5}
    again.close("FINISHED")
