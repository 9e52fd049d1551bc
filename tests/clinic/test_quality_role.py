"""A bundle with a task for the quality of the photograph: one line in inference.yaml makes it a column."""

from __future__ import annotations

import json

import pytest
import torch

from tests.bundles.conftest import run, workflow
from tests.clinic.conftest import rows, save_fundus

QUALITY = {
    "_target_": "fundus_mtl.tasks.Task", "name": "quality", "channels": 1, "kind": "regression",
    "loss": {"_target_": "torch.nn.BCEWithLogitsLoss"},
}  # fmt: skip


@pytest.mark.parametrize("names", [["disc", "cup", "quality"], ["disc", "cup"]], ids="+".join)
def test_quality_is_a_column_where_a_task_answers_it(names, tmp_path):
    options = {"task_names": names, "+task_table": {"quality": QUALITY}, "output_dir": str(tmp_path)}
    options |= {"dataset_dir": str(tmp_path / "in"), "results_dir": str(tmp_path / "out")}
    options |= {"rules::withhold_ungradable": False}
    save_fundus(tmp_path / "in/eye.png")
    model = tmp_path / "models/model.pt"
    model.parent.mkdir()
    model.touch()  # the config wants its hash
    torch.manual_seed(0)
    network = workflow("refuge_mtl", "inference", **options).parser.get_parsed_content("network")
    torch.save(network.state_dict(), model)
    run("refuge_mtl", "inference", **options)
    (row,) = rows(tmp_path / "out/results.csv")
    assert ("quality_source" in row) == ("quality" in names)
    tasks = json.loads((tmp_path / "out/run.json").read_text())["tasks"]
    assert tasks.get("quality") == ("quality" if "quality" in names else None)
    if "quality" in names:
        assert row["quality_source"] == "model"
        assert 0.3 < float(row["quality_score"]) < 0.7  # untrained
        assert "<button>Quality</button>" in (tmp_path / "out/report.html").read_text()
