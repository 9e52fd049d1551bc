"""``fundus-mtl train --processes 2``: one training in two processes, one run in MLflow, and an end when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fundus_mtl.cli import main
from fundus_mtl.processes import run_ranks
from fundus_mtl.tracking import find_run, open_client, read_run_file

ROOT = Path(__file__).resolve().parents[2]
METHOD = "pcgrad"


def command(out, *more):
    given = ["train", "digits_mtl", "--method", METHOD, "--processes", "2", "batch_size=64", "device=cpu", *more]
    return [sys.executable, "-m", "fundus_mtl.cli", *given, f"output_dir={out}"]


def start(out, *more):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command(out, *more), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def the_run(out):
    """Return the only run of the training's database."""
    client = open_client(f"sqlite:///{out.parent / 'mlflow.db'}")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert len(runs) == 1
    return find_run(client, read_run_file(out))


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_a_training_whose_second_process_is_killed_resumes(tmp_path):
    out = tmp_path / "out"
    begun = start(out, "max_epochs=500")
    try:
        end = time.monotonic() + 240
        while not list(out.glob("state/*.pt")):
            assert begun.poll() is None, begun.stderr.read()[-3000:]
            assert time.monotonic() < end
            time.sleep(0.2)
        (second,) = [child for child in psutil.Process(begun.pid).children() if child.environ().get("RANK") == "1"]
        second.send_signal(signal.SIGKILL)
        _, errors = begun.communicate(timeout=120)
    finally:
        begun.kill()
    assert begun.returncode == 1
    assert "expected 2 processes, but signal 9 ended process 2" in errors
    assert "Add resume_from=latest" in errors
    killed = the_run(out)
    assert killed.info.status in ("FAILED", "KILLED")
    done = max(int(file.stem.rpartition("=")[2]) for file in out.glob("state/*.pt"))
    resumed = start(out, f"max_epochs={done + 1}", "resume_from=latest")
    _, errors = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, errors[-3000:]
    run = the_run(out)
    assert (run.info.run_id, run.info.status) == (killed.info.run_id, "FINISHED")
    assert (out / "models" / "model.pt").is_file()
    assert errors.count("results are in") <= 1


def test_a_bundle_without_the_args_file_is_refused(tmp_path, capsys):
    folder = tmp_path / "eyes" / "configs"
    folder.mkdir(parents=True)
    for name in ("args.yaml", "args_evaluate.yaml"):
        (folder / name).write_text("config_file: [train.yaml]\n")
    assert main(["train", str(tmp_path / "eyes"), "--processes", "2"]) == 2
    assert "expected a bundle with configs/args_multi_gpu.yaml, but got eyes without it" in capsys.readouterr().err


SLEEPS = (
    "import os, sys, time; time.sleep(60 if os.environ['RANK'] == '0' else 0); sys.exit(int(os.environ['RANK']) * 7)"
)


def test_the_others_are_stopped_after_one_has_failed():
    began = time.monotonic()
    assert run_ranks([sys.executable, "-c", SLEEPS], 2, grace=1.0) == [-signal.SIGTERM, 7]
    assert time.monotonic() - began < 20


def test_ranks_find_each_other():
    text = (
        "import torch, torch.distributed as d; d.init_process_group('gloo'); t = torch.ones(1); d.all_reduce(t);"
        "d.destroy_process_group();"  # or Gloo's threads may abort the process at its end
        "raise SystemExit(int(t))"
    )
    assert run_ranks([sys.executable, "-c", text], 2) == [2, 2]
