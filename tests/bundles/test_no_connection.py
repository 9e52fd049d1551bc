"""What docs/privacy.md promises: no connection is opened, and MLflow learns neither user nor machine."""

from __future__ import annotations

import getpass
import json
import socket

import pytest

from fundus_mtl.tracking import open_client
from tests.bundles.conftest import BUNDLES, run


@pytest.fixture
def tried(monkeypatch):
    """Addresses that somebody tried to reach; every try is refused. Sockets of this process alone are allowed."""
    tried = []

    def refuse(self, *given):
        if getattr(self, "family", None) != socket.AF_UNIX:
            tried.append(given)
            raise OSError("expected no connection")

    for what in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, what, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: refuse(None, *given))
    return tried


def test_training_and_evaluation(tried, tmp_path):
    store = f"sqlite:///{tmp_path}/mlflow.db"
    given = {"output_dir": str(tmp_path / "out"), "dataset_dir": None, "tracking_uri": store}
    run("digits_mtl", "train", max_epochs=1, **given)
    run("digits_mtl", "evaluate", **given)
    assert tried == []
    run_id = json.loads((tmp_path / "out" / "mlflow_run.json").read_text())["run_id"]
    found = open_client(store).get_run(run_id)
    assert found.info.status == "FINISHED"
    text = json.dumps([found.data.to_dictionary(), found.inputs.to_dictionary(), found.info.user_id])
    for secret in (socket.gethostname(), str(tmp_path), str(BUNDLES), f'"{getpass.getuser()}"'):
        assert secret not in text


def test_loading_the_package_s_models(tried):
    from fundus_mtl.predictor import load_model, model_cards

    load_model(device="cpu", vessels=True)
    assert [bool(card.text) for card in model_cards(vessels=True)] == [True] * 3
    assert tried == []
