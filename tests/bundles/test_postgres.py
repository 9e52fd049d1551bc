"""The tracking server with PostgreSQL, as docker/compose.postgres.yaml has it; a real one, if it is installed. Slow."""

from __future__ import annotations

import json

import pytest

from fundus_mtl.tracking import open_client
from tests.bundles.conftest import run
from tests.servers import postgres_server, tracking_server

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgres)")


def test_a_training_is_in_the_database(tmp_path_factory, tmp_path):
    with (
        postgres_server() as store,
        tracking_server(tmp_path_factory.mktemp("server"), store) as server,
    ):
        given = {"output_dir": str(tmp_path / "out"), "tracking_uri": server, "registered_model": "digits"}
        run("digits_mtl", "train", max_epochs=1, dataset_dir=None, **given)
        run_id = json.loads((tmp_path / "out" / "mlflow_run.json").read_text())["run_id"]
        found = open_client(server).get_run(run_id)
        assert found.info.status == "FINISHED"
        with psycopg.connect(store.replace("+psycopg", "")) as database:
            (status,) = database.execute("SELECT status FROM runs WHERE run_uuid = %s", [run_id]).fetchone()
            metrics = {
                key for (key,) in database.execute("SELECT key FROM latest_metrics WHERE run_uuid = %s", [run_id])
            }
            versions = database.execute("SELECT name, version, run_id FROM model_versions").fetchall()
        assert status == "FINISHED"
        assert metrics == set(found.data.metrics)
        assert "kept/score" in metrics
        assert versions == [("digits", 1, run_id)]
