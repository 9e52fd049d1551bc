"""How a run may end: with a status that the stock command gives too, and with one sentence."""

from __future__ import annotations

import logging
import shutil
import subprocess
import warnings

import monai.bundle
import pytest
import torch

import fundus_mtl.photographs
from fundus_mtl.cli import main
from fundus_mtl.handlers import BestModelSaver
from fundus_mtl.workflow._recipe import Recipe
from tests.clinic.conftest import ANYWAY, BUNDLES, TINY, rows, save_fundus

NAME = "ZQDOE"


@pytest.fixture
def folder(tmp_path):
    for index in range(2):
        save_fundus(tmp_path / "in" / f"{NAME}_{index}.png", seed=index)
    return tmp_path / "in"


def stock(folder, out, weights, **options):
    """Call MONAI's own command; return the status that its process would end with."""
    configs = BUNDLES / "refuge_mtl" / "configs"
    given = {"dataset_dir": str(folder), "results_dir": str(out), "ckpt_path": str(weights), "device": "cpu"}
    try:
        logs = str(configs / "logging.conf")
        monai.bundle.run(args_file=str(configs / "args_inference.yaml"), logging_file=logs, **TINY, **given | options)
    except SystemExit as ended:
        return ended.code
    return 0


def test_the_stock_command_ends_with_the_same_statuses(folder, weights, tmp_path, capsys):
    assert stock(folder, tmp_path / "all", weights) == 0
    (folder / "text.png").write_text("no picture")
    assert stock(folder, tmp_path / "some", weights) == 3
    assert len(rows(tmp_path / "some/results.csv")) == 3
    for path in folder.glob(f"{NAME}*"):
        path.unlink()
    assert stock(folder, tmp_path / "none", weights) == 4
    output = capsys.readouterr().err
    assert "expected at least one usable photograph, but got 1 that failed" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert main(["infer", str(folder), str(tmp_path / "none2"), "--weights", str(weights), *ANYWAY]) == 4
    assert stock(folder / "nowhere", tmp_path / "refused", weights) == 2


def crash(self, item):
    raise TypeError(f"a mistake with {item['image']}")


@pytest.mark.parametrize("id_mode", ["hash", "name"])
def test_what_nobody_foresaw_is_told_without_names(id_mode, folder, weights, tmp_path, capfd, monkeypatch):
    """The text of such an error may be anything, a path among them."""
    from fundus_mtl.transforms import LoadFundusd

    monkeypatch.setattr(LoadFundusd, "__call__", crash)
    given = ("infer", str(folder), str(tmp_path / "out"), "--weights", str(weights), "--set", f"id_mode={id_mode}")
    assert main([*given, *ANYWAY]) == 1  # a run that failed; 2 is an input that was refused
    short = capfd.readouterr()
    assert "Traceback" not in short.out + short.err
    assert (NAME in short.out + short.err) == (id_mode == "name")
    assert main([*given, *ANYWAY, "--debug"]) == 1
    output = capfd.readouterr()
    output = output.out + output.err
    assert 'in crash\n    raise TypeError(f"a mistake' in output  # where it was: the code is no secret
    if id_mode == "hash":
        assert "error: TypeError; its text is withheld" in output
        assert NAME not in output
        assert NAME not in "".join(path.read_text() for path in (tmp_path / "out").glob("*.*[nlv]"))
    else:
        assert f"a mistake with {folder / NAME}_0.png" in output.splitlines()[-1]


def test_a_list_that_cannot_be_made_tells_no_name_either(folder, weights, tmp_path, monkeypatch, capfd):
    """Items of a config are made late, within the run; their errors are as secret as the run's."""

    def unlucky(*_, **__):
        raise TypeError(f"a mistake with {folder / NAME}_0.png")

    monkeypatch.setattr(fundus_mtl.photographs, "find_photographs", unlucky)
    given = ("infer", str(folder), str(tmp_path / "out"), "--weights", str(weights), "--set", "id_mode=hash")
    assert main([*given, *ANYWAY]) == 2
    output = capfd.readouterr()
    assert "error: TypeError; its text is withheld" in output.err
    assert NAME not in output.out + output.err


@pytest.mark.parametrize("id_mode", ["hash", "name"])
def test_what_other_libraries_log_names_no_file(id_mode, folder, weights, tmp_path, capfd, monkeypatch):
    """They quote paths in log lines, in the tracebacks of these, and in warnings."""
    from fundus_mtl.transforms import LoadFundusd

    original = LoadFundusd.__call__

    def talkative(self, item):
        try:
            raise ValueError(item["image"])
        except ValueError:
            logging.getLogger("tifffile").exception("cannot read %s", item["image"])
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"{item['image']} is strange", stacklevel=1)
        return original(self, item)

    monkeypatch.setattr(LoadFundusd, "__call__", talkative)
    given = (
        "infer",
        str(folder),
        str(tmp_path / "out"),
        "--weights",
        str(weights),
        f"id_mode={id_mode}",
        "read_ahead=0",
    )
    assert main([*given, *ANYWAY]) == 0
    printed = capfd.readouterr()
    printed = printed.out + printed.err
    assert ("tifffile: text withheld, as it may contain names" in printed) == (id_mode == "hash")
    assert ("UserWarning: text withheld" in printed) == (id_mode == "hash")
    assert (NAME in printed) == (id_mode == "name")
    logging.getLogger("tifffile").warning("text again")
    assert "text again" in capfd.readouterr().out


def test_results_of_another_folder_are_not_replaced(folder, weights, tmp_path, capsys):
    """Cameras call their files IMG_0001: two folders may hold the same names."""
    out = tmp_path / "out"
    assert main(["infer", str(folder), str(out), "--weights", str(weights), *ANYWAY]) == 0
    before = (out / "results.csv").read_bytes()
    save_fundus(tmp_path / "other" / f"{NAME}_0.png", seed=7)
    assert main(["infer", str(tmp_path / "other"), str(out), "--weights", str(weights), *ANYWAY]) == 2
    assert (
        "expected results of the same photographs to resume, but got 0 of 2" in capsys.readouterr().err.splitlines()[-1]
    )
    assert (out / "results.csv").read_bytes() == before


def test_the_same_photographs_elsewhere_are_the_same_run(folder, weights, tmp_path, monkeypatch):
    """Another mount, a relative path or a slash at the end change neither a hash nor a row, and a resume works."""
    before, elsewhere = tmp_path / "before", tmp_path / "other mount #1" / "photographs"
    assert main(["infer", str(folder), str(before), "--weights", str(weights), *ANYWAY]) == 0
    expected = (before / "results.csv").read_bytes()
    shutil.copytree(folder, elsewhere)
    monkeypatch.chdir(tmp_path)
    for place in ("in", "./in/", str(elsewhere)):
        assert main(["infer", place, str(before), "--weights", str(weights), *ANYWAY]) == 0
        assert (before / "results.csv").read_bytes() == expected
    assert main(["infer", str(elsewhere), "out #2", "--weights", str(weights), *ANYWAY]) == 0
    of_the_run = {"timestamp_utc", "runtime_s"}

    def constant(path):
        return [{key: value for key, value in row.items() if key not in of_the_run} for row in rows(path)]

    assert constant(tmp_path / "out #2/results.csv") == constant(before / "results.csv")
    assert constant(before / "results.csv")[0]["config_sha256"]


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_sentence(weights, tmp_path, small_disk, capfd):
    for index in range(6):
        save_fundus(tmp_path / "in" / f"{index}.png", height=120, width=180, seed=index)
    given = ["infer", str(tmp_path / "in"), str(small_disk / "out"), "--weights", str(weights), *ANYWAY]
    assert main(given) == 2
    output = capfd.readouterr().err
    assert "error: expected to write the results, but got 'No space left on device'; what is written" in output
    assert "Traceback" not in output
    remount = ["mount", "-o", "remount,size=20m", str(small_disk)]
    subprocess.run(remount, check=True)
    assert main(given) == 0
    assert len(rows(small_disk / "out/results.csv")) == 6


def test_an_output_that_must_not_be_written_is_one_sentence(folder, weights, tmp_path, capfd):
    """A file stands where a folder should be: root too is refused."""
    (tmp_path / "file").write_text("mine")
    wording = "expected an output folder that can be created, but got: "
    refusals = {
        "file": f"{wording}it is a file; choose another.",
        "file/out": f"{wording}Not a directory; choose another.",
    }
    for out, telling in refusals.items():
        assert main(["infer", str(folder), str(tmp_path / out), "--weights", str(weights), *ANYWAY]) == 2
        assert telling in capfd.readouterr().err.splitlines()[-1]
    assert (tmp_path / "file").read_text() == "mine"


def test_weights_that_do_not_fit_are_one_sentence(folder, tmp_path, capfd):
    """A recipe that tells of another network than the weights were of."""
    torch.manual_seed(0)
    recipe = Recipe("refuge_mtl", {}, TINY).as_text()
    BestModelSaver(torch.nn.Linear(2, 1), tmp_path / "model.pt", recipe).save()
    given = ["infer", str(folder), str(tmp_path / "out"), "--weights", str(tmp_path / "model.pt"), *ANYWAY]
    assert main(given) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert "expected weights of this VGGUNet, but got those of another network; " in line
    assert "recipe.json" in line
