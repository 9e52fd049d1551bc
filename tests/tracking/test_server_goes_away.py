"""A tracking server that goes away during a training: one warning, no waiting, and nothing lost if it comes back."""

from __future__ import annotations

import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import fundus_mtl.handlers._run_handler as run_handler
from fundus_mtl.handlers import RunHandler
from fundus_mtl.handlers._run_metrics import RunMetrics
from fundus_mtl.tracking import TrackingError, TrackingRefusedError, _server, answers


class Answer(BaseHTTPRequestHandler):
    """Any answer will do."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_) -> None: ...


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join(10)


def address(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_any_answer_counts_and_other_stores_are_not_asked(server):
    assert answers(address(server))
    assert answers("sqlite:///nowhere/runs.db")


def test_no_answer_is_noticed_at_once(server, monkeypatch):
    """Refused, and accepted by the kernel but never answered, as by a server that is stopped."""
    monkeypatch.setattr(_server, "_PATIENCE_LATER", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        for listening in (False, True):
            if listening:
                silent.listen(1)
            began = time.monotonic()
            assert not answers(f"http://127.0.0.1:{silent.getsockname()[1]}")
            assert time.monotonic() - began < 10


class Client:
    """What `RunMetrics` needs of MLflow's client."""

    tracking_uri = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def log_batch(self, _, metrics) -> None:
        self.sent += [f"{metric.key} {metric.step}" for metric in metrics]


def test_metrics_are_kept_until_the_server_is_back(monkeypatch, caplog):
    here = {"now": False}
    monkeypatch.setattr("fundus_mtl.handlers._run_metrics.answers", lambda _: here["now"])
    client = Client()
    metrics = RunMetrics(client)
    with caplog.at_level(logging.WARNING):
        for epoch in (1, 2, 3):
            metrics.keep({"loss": 0.5}, epoch)
            metrics.send("run")
        assert client.sent == []
        (warning,) = [record.getMessage() for record in caplog.records]
        assert warning.startswith("Expected MLflow to take 1 metrics, but got: no answer. The training continues")
        here["now"] = True
        metrics.keep({"loss": 0.4}, 4)
        metrics.send("run")
    assert client.sent == ["loss 1", "loss 2", "loss 3", "loss 4"]
    assert caplog.records[-1].getMessage() == "MLflow answers again; all metrics so far have been sent."
    metrics.send("run")
    assert len(client.sent) == 4


def test_a_server_that_is_away_at_the_end_is_not_waited_for(
    tracking_uri, experiment, make_engines, tmp_path, monkeypatch
):
    handler = RunHandler(tracking_uri, tmp_path / "out", experiment_name=experiment)
    trainer, _ = make_engines([handler], epochs=1)
    monkeypatch.setattr(run_handler, "answers", lambda _: False)
    monkeypatch.setattr(run_handler, "close_run", lambda *_: pytest.fail("it was called"))
    with pytest.raises(
        TrackingRefusedError, match="it stays RUNNING .* all files of the training are in 'out'"
    ) as caught:
        trainer.run()
    assert isinstance(caught.value, TrackingError)
    assert caught.value.exit_code == 2
