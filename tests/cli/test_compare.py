"""The verb ``compare``: what it lists, refuses, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import fundus_mtl.comparison
from fundus_mtl.cli import main
from fundus_mtl.processes import LockedError

CONFIG = Path(__file__).resolve().parents[2] / "bundles" / "digits_mtl" / "configs" / "compare.yaml"


def test_dry_run_lists_and_touches_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    assert (
        main(
            ["compare", str(CONFIG), "--dry-run", "--workers", "3", "--set", f"output_dir={out}", "--set", "seeds=[5]"]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines() == [
        "to do  single_task even seed 5",
        "to do  single_task odd seed 5",
        "to do  joint seed 5",
        "to do  pcgrad seed 5",
        "to do  mt_cool seed 5",
        "5 trainings, 3 at a time",
    ]
    assert not out.exists()


def test_dry_run_tells_of_a_search(capsys):
    space = "search={trials: 7, space: {lr: {low: 0.1, high: 1.0}}}"
    assert main(["compare", str(CONFIG), "--dry-run", "--set", space]) == 0
    assert "7 trials per method" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, telling",
    [
        (["nowhere.yaml"], "nowhere.yaml, which does not exist"),
        ([str(CONFIG), "--set", "seedz=[1]"], "got seedz; did you mean seeds"),
        ([str(CONFIG), "--set", "seeds"], "--set: expected KEY=VALUE, but got seeds"),
        ([str(CONFIG), "--set", "seeds=["], "--set seeds: expected a value as YAML"),
        ([str(CONFIG), "--set", "bundle=digit_mtl"], "bundle: expected a path or one of digits_mtl"),
        ([str(CONFIG), "--workers", "0"], "workers: expected a positive number"),
    ],
)
def test_a_refusal_is_one_sentence_and_status_2(arguments, telling, capsys):
    assert main(["compare", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert telling in line


@pytest.mark.parametrize(
    "error, status, telling",
    [
        (KeyboardInterrupt(), 130, "stopped: run the same command again to resume."),
        (LockedError("locked"), 2, "error: locked"),
    ],
)
def test_how_a_comparison_may_end(error, status, telling, monkeypatch, capsys):
    def end(*_):
        raise error

    monkeypatch.setattr(fundus_mtl.comparison, "run_comparison", end)
    assert main(["compare", str(CONFIG)]) == status
    assert telling in capsys.readouterr().err


def test_the_processes_share_the_cores(monkeypatch, tmp_path):
    seen = []

    def note(comparison, environment):
        seen.append((environment["OMP_NUM_THREADS"], environment["MLFLOW_DISABLE_TELEMETRY"], environment["KEPT"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(fundus_mtl.comparison, "run_comparison", note)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setenv("KEPT", "yes")
    config = tmp_path / "c.yaml"
    for given in ({"workers": 3}, {"workers": 99}, {"threads": 5}):
        config.write_text(yaml.safe_dump(yaml.safe_load(CONFIG.read_text()) | given))
        main(["compare", str(config)])
    assert seen == [("2", "true", "yes"), ("1", "true", "yes"), ("5", "true", "yes")]
