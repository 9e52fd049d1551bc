"""The real run, killed at any moment and started again, ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import signal
import time

import pytest

from fundus_mtl.inference import infer
from fundus_mtl.results import VOLATILE_COLUMNS
from tests.clinic.conftest import save_fundus

OPTIONS = {"device": "cpu", "rules::withhold_ungradable": False}


@pytest.fixture
def folder(tmp_path):
    for index in range(8):
        save_fundus(tmp_path / "in" / f"{index}.png", seed=index)
    (tmp_path / "in/3b.png").write_text("no picture")
    return tmp_path / "in"


def contents(out):
    """Every file of a run, without the times in it."""
    readers = {".csv": _table, ".jsonl": _lines, ".json": _record, ".html": _page}
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {str(path.relative_to(out)): readers.get(path.suffix, type(path).read_bytes)(path) for path in files}


def _table(path):
    with path.open(newline="") as file:
        return [{key: row[key] for key in row if key not in VOLATILE_COLUMNS} for row in csv.DictReader(file)]


def _lines(path):
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in record.get("row", record).items() if k not in VOLATILE_COLUMNS} for record in records]


def _record(path):
    return {key: value for key, value in json.loads(path.read_text()).items() if not key.endswith("_utc")}


def _page(path):
    text = path.read_text()
    end = text.index("UTC</p>")
    return text[: end - 18] + text[end:]


def killed(work, ready):
    """Do the work in a child that is killed as soon as it is ready for that; tell whether it was."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    while not ready():
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def test_killed_in_the_midst_of_it(folder, weights, tmp_path):
    assert infer(folder, tmp_path / "whole", weights, **OPTIONS) == 3
    journal, kills = tmp_path / "out/journal.jsonl", 0
    for lines in (1, 2, 3, 4):  # once so many photographs are done, while the next is at work
        kills += killed(
            lambda: infer(folder, tmp_path / "out", weights, **OPTIONS),
            lambda lines=lines: journal.exists() and len(_whole(journal)) >= lines,
        )
    before = {row["row"]["image_id"]: row for row in map(json.loads, _whole(journal))}
    assert infer(folder, tmp_path / "out", weights, **OPTIONS) == 3
    after = {row["row"]["image_id"]: row for row in map(json.loads, journal.read_text().splitlines())}
    assert kills >= 2
    assert len(before) >= 2
    # To the time that it was measured at: nothing is done twice.
    assert {name: after[name] for name in before} == before
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def _whole(journal):
    return [line for line in journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
