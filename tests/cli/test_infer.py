"""The verb ``infer``: what it refuses before it imports anything heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fundus_mtl import inference
from fundus_mtl.cli import main


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere", "out"], "nowhere: expected a folder of photographs, but got none"),
        (["photographs", "out", "--weights", "lost.pt"], "lost.pt: expected weights of a training, but got no file"),
        (["photographs", "out", "weights=lost.pt"], "--set: expected other items, but got weights"),
        (["", "out"], "expected a folder of photographs, but got an empty text"),
        (["photographs", ""], "expected a folder for the results, but got an empty text"),
        (["photographs", "out", "flips"], "expected KEY=VALUE, but got flips"),
        (
            ["eye.jpg", "out"],
            "eye.jpg: expected a folder of photographs or a .csv file that lists them, but got another file",
        ),
        (
            ["photographs", "./photographs/"],
            "expected an output folder of its own, but got the folder of the photographs",
        ),
        (["photographs", "eye.jpg"], "eye.jpg: expected an output folder that can be created, but got: it is a file"),
        (
            ["photographs", "eye.jpg/out"],
            "eye.jpg/out: expected an output folder that can be created, but got: Not a direc",
        ),
        (["photographs", "out", "--dry-run", "--weights", "lost.pt"], "lost.pt: expected weights of a training"),
    ],
)
def test_a_refusal_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photographs").mkdir()
    (tmp_path / "eye.jpg").touch()
    assert main(["infer", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eye.jpg", "photographs"]


def test_options_become_items_of_the_configuration(monkeypatch, tmp_path, capsys):
    calls = []
    monkeypatch.setattr(inference, "infer", lambda *places, **options: calls.append((places, options)) or 3)
    given = ["infer", "in", "out", "--batch-size", "4", "--device", "cpu", "--overwrite", "writers=2"]
    assert main(given) == 3
    items = {"batch_size": 4, "device": "cpu", "overwrite": True, "writers": 2}
    assert calls == [(("in", "out", None), {"overlays": [], "vessels": False, **items})]
    assert capsys.readouterr().out == "results are in out; open out/report.html\n"
    assert main([*given, "--quiet"]) == 3
    assert capsys.readouterr().out == ""


def test_a_missing_folder_is_refused_before_the_imports():
    code = "import sys; from fundus_mtl.cli import main; main(['infer', '/nowhere', 'out']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "expected a folder of photographs" in done.stderr
    assert not {"torch", "monai", "numpy"} & set(done.stdout.split())
