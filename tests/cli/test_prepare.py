"""The verb ``prepare``: every data set of ``data_prep``, by name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from fundus_mtl.cli import main
from fundus_mtl.cli._prepare import datasets

FOLDER = Path(__file__).resolve().parents[2] / "data_prep"


def test_every_public_module_is_a_data_set():
    modules = {path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_")}
    assert set(datasets()) == modules >= {"refuge", "idrid", "hrf_av", "mnist", "phantom"}


@pytest.mark.parametrize("name", sorted(datasets()))
def test_a_data_set_is_summed_up_by_its_docstring(name):
    module = importlib.import_module(f"data_prep.{name}")
    assert datasets()[name] == module.__doc__.splitlines()[0].rstrip(".")
    assert callable(module.main)


@pytest.mark.parametrize("name", sorted(datasets()))
def test_the_help_of_a_data_set_names_the_verb(name, capsys):
    assert main(["prepare", name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: fundus-mtl prepare {name} ")


def test_the_same_data_as_from_the_checkout(tmp_path, capsys):
    from data_prep import phantom, refuge

    sizes = ["--train", "6", "--validation", "2", "--test", "2", "--size", "60"]
    assert main(["prepare", "phantom", str(tmp_path / "raw"), *sizes, "--seed", "3"]) == 0
    assert main(["prepare", "refuge", str(tmp_path / "raw"), str(tmp_path / "data")]) == 0
    table = capsys.readouterr().out
    phantom.main([str(tmp_path / "raw2"), *sizes, "--seed", "3"])
    assert refuge.main([str(tmp_path / "raw2"), str(tmp_path / "data2")]) == 0
    assert capsys.readouterr().out == table
    files = sorted(path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*.*"))
    assert files
    for file in files:
        first, second = ((tmp_path / folder / file).read_bytes() for folder in ("data", "data2"))
        assert first.replace(b"raw/", b"raw2/") == second if file.suffix == ".json" else first == second


def test_what_is_refused(tmp_path, capsys):
    assert main(["prepare", "refug", "raw", "out"]) == 2
    assert capsys.readouterr().err.endswith("but got refug; did you mean refuge?\n")
    assert main(["prepare", "_command", "raw", "out"]) == 2  # private modules are no data sets
    capsys.readouterr()
    assert main(["prepare", "refuge", str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: REFUGE was not prepared.")


def test_the_log_file_gets_the_error_too(tmp_path, capsys):
    log = tmp_path / "log.txt"
    assert (
        main(["prepare", "refuge", str(tmp_path / "no\x1bwhere"), str(tmp_path / "out"), "--log-file", str(log)]) == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert "no\\x1bwhere" in line
    (logged,) = log.read_text().splitlines()
    assert logged.endswith(line.removeprefix("error: "))
    assert " ERROR REFUGE was not prepared. Expected the folder" in logged
