"""The verb ``infer``: what it refuses before it imports anything heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    ],
)
def test_a_refusal_is_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photographs").mkdir()
    assert main(["infer", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_refused_before_the_imports():
    code = "import sys; from fundus_mtl.cli import main; main(['infer', '/nowhere', 'out']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "expected a folder of photographs" in done.stderr
    assert not {"torch", "monai", "numpy"} & set(done.stdout.split())
