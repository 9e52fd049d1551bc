"""The command line: its verbs, its notice, its exit statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import fundus_mtl
import fundus_mtl.comparison
from fundus_mtl.cli import VERBS, main, parser
from fundus_mtl.notices import RESEARCH_USE_ONLY
from fundus_mtl.processes import LockedError

CONFIG = Path(__file__).resolve().parents[2] / "bundles" / "digits_mtl" / "configs" / "compare.yaml"


def test_version_and_notice(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fundus-mtl {fundus_mtl.__version__}\n"
    for arguments in (["--help"], ["compare", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert RESEARCH_USE_ONLY in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [[], ["compair"], ["compare"], ["compare", "a.yaml", "--workers", "two"]])
def test_misuse_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_every_verb_says_what_to_run():
    verbs = next(action for action in parser()._actions if action.choices).choices
    assert len(verbs) == len(VERBS)
    assert all(callable(verb.get_default("run")) for verb in verbs.values())


def test_help_is_cheap():
    """Neither MONAI nor MLflow is imported for it."""
    heavy = "{'monai', 'torch', 'mlflow', 'pandas', 'optuna'}"
    code = f"import sys; from fundus_mtl.cli import parser; parser(); print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert told == "[]\n"


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
    [(KeyboardInterrupt(), 130, "goes on from here"), (LockedError("locked"), 2, "error: locked")],
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
