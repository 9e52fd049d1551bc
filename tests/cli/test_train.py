"""The verbs ``train`` and ``evaluate``: thin over the same workflow as the stock command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import Mock

import monai.bundle
import pytest
import torch

from fundus_mtl.cli import main
from fundus_mtl.processes import locked

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
TINY = {"max_epochs": 1, "hidden": 4, "tracking_uri": "none", "batch_size": 256}
GIVEN = [f"{key}={value}" for key, value in TINY.items()]


@pytest.fixture
def calls(monkeypatch):
    """Record what the function behind the stock command is given, and run nothing."""
    made = []

    def create(**options):
        made.append(options)
        return Mock(spec=["run", "finalize"])

    monkeypatch.setattr(monai.bundle, "create_workflow", create)
    return made


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "models" / "model.pt", weights_only=True)


def test_a_training_is_that_of_the_stock_command_and_is_evaluated(tmp_path, capsys):
    ours, stock = tmp_path / "ours", tmp_path / "stock"
    assert main(["train", "digits_mtl", "--method", "mt_cool", *GIVEN, f"output_dir={ours}"]) == 0
    monai.bundle.run(
        args_file=str(BUNDLES / "digits_mtl" / "configs" / "args.yaml"),
        overlay=str(BUNDLES / "methods" / "mt_cool.yaml"),
        output_dir=str(stock),
        **TINY,
    )
    first, second = weights(ours), weights(stock)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    recipes = [json.loads((folder / "models" / "recipe.json").read_text())["recipe"] for folder in (ours, stock)]
    assert recipes[0] == recipes[1]

    evaluate = ["evaluate", "digits_mtl", "hidden=4", "tracking_uri=none", f"output_dir={ours}"]
    assert main([*evaluate, "--method", "mt_cool"]) == 0  # its network is another than the bundle's
    assert (ours / "evaluation" / "summary.md").is_file()
    capsys.readouterr()
    assert main(evaluate) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "expected the network and input of its training, but got other values of network_module; add" in line
    assert line.endswith("add --method mt_cool hidden=4.")
    assert main([*evaluate[:2], "--method", "mt_cool", *evaluate[2:], "hidden=8"]) == 2
    assert "but got other values of hidden; add" in capsys.readouterr().err.splitlines()[-1]
    with pytest.raises(SystemExit) as ended:  # the stock command has other words, and its traceback
        monai.bundle.run(
            args_file=str(BUNDLES / "digits_mtl" / "configs" / "args_evaluate.yaml"),
            hidden=4,
            tracking_uri="none",
            output_dir=str(ours),
        )
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "expected weights of this LeNet" in printed.splitlines()[-1]


def test_what_reaches_the_stock_command(calls, tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.touch()
    given = ["--overlay", str(recipe), "--method", "mao", "network_def::width=4", "resume_from=null", "lr=0.1"]
    assert main(["train", "refuge_mtl", *given]) == 0
    assert main(["train", str(BUNDLES / "digits_mtl")]) == 0
    assert main(["evaluate", "digits_mtl", "section=testing"]) == 0
    assert calls == [
        {
            "args_file": str(BUNDLES / "refuge_mtl" / "configs" / "args.yaml"),
            "overlay": [str(recipe), str(BUNDLES / "methods" / "mao.yaml")],
            "network_def::width": 4,
            "resume_from": None,
            "lr": 0.1,
        },
        {"args_file": str(BUNDLES / "digits_mtl" / "configs" / "args.yaml"), "overlay": None},
        {
            "args_file": str(BUNDLES / "digits_mtl" / "configs" / "args_evaluate.yaml"),
            "overlay": None,
            "section": "testing",
        },
    ]


def test_a_recipe_is_found_by_name_and_leaves_the_method_of_the_bundle(calls):
    assert main(["train", "refuge_disc_mtl", "--overlay", "robust"]) == 0
    robust, method = calls[0]["overlay"]
    assert Path(robust).name == "robust.yaml"
    assert BUNDLES / "refuge_disc_mtl" in Path(robust).parents
    assert Path(method).resolve() == (BUNDLES / "methods" / "mt_cool.yaml").resolve()
    assert main(["train", "refuge_disc_mtl", "--overlay", "robust", "--method", "joint"]) == 0
    assert [Path(path).name for path in calls[1]["overlay"]] == ["robust.yaml", "joint.yaml"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["digit_mtl"], "bundle: expected a path or one of digits_mtl"),
        (["digit_mtl"], "but got digit_mtl; did you mean digits_mtl?"),
        (["digits_mtl", "--method", "pcgrd"], "but got pcgrd; did you mean pcgrad?"),
        (["digits_mtl", "--overlay", "mult"], "but got mult; did you mean multi.yaml?"),
        (["digits_mtl", "--overlay", str(BUNDLES / "methods" / "mao.yaml")], "write --method mao."),
        (["digits_mtl", "overlay=x"], "overlay: expected an item of the configuration"),
        (["digits_mtl", "lr"], "expected KEY=VALUE, but got lr."),
        (["digits_mtl", "max_epoch=1"], "--max_epoch: no such item"),  # the workflow's own message
        (["digits_mtl", "max_epochs=many"], "--max_epochs many: the item is a number"),
    ],
)
def test_a_refusal_is_one_line_and_status_2(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]


def test_a_stop_says_how_to_resume(monkeypatch, capsys):
    def stop(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(monai.bundle, "create_workflow", stop)
    assert main(["train", "digits_mtl"]) == 130
    assert "resume_from=latest" in capsys.readouterr().err


def test_the_second_of_two_trainings_in_one_folder_is_refused(tmp_path, capsys):
    with locked(tmp_path / "out" / "state"):
        assert main(["train", "digits_mtl", *GIVEN, f"output_dir={tmp_path / 'out'}"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert lines == [
        f"error: expected out to be unlocked, but got a lock of process {os.getpid()}, which writes there; wait until it "
        "has ended."
    ]
    assert not (tmp_path / "out" / "models").exists()
