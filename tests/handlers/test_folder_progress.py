"""The bar counts files, also those that fail."""

from __future__ import annotations

import pytest
from ignite.engine import Engine

from fundus_mtl.data import FolderSamples
from fundus_mtl.handlers import FolderProgress


def run(files, step=lambda _, batch: batch):
    samples = FolderSamples([{"id": n} for n in range(len(files))], lambda item: open_file(files[item["id"]]), ignore)
    engine = Engine(step)
    FolderProgress(samples, "reading").attach(engine)
    engine.run(samples)
    return samples


def open_file(good):
    if not good:
        raise OSError("broken")
    return good


def ignore(*_):
    """Nobody wants to know of failures here."""


@pytest.mark.parametrize("files", [[1, 0, 1, 0], [0, 0], [1]])
def test_all_files_are_counted_whether_they_can_be_read_or_not(files, capsys):
    assert run(files).done == len(files)
    assert f"{len(files)}/{len(files)}" in capsys.readouterr().err.split("\r")[-1]


def test_no_files_no_trouble(capsys):
    assert run([]).done == 0
    assert "reading: 0file" in capsys.readouterr().err


def test_the_bar_stands_at_the_file_in_hand(capsys):
    seen = []

    def step(engine, _):
        seen.append(samples.done)

    samples = FolderSamples([{"id": n} for n in range(4)], lambda item: open_file(item["id"] != 1), ignore)
    engine = Engine(step)
    progress = FolderProgress(samples)
    progress.attach(engine)
    engine.run(samples)
    assert seen == [1, 3, 4]  # the second fails, and is done when the third is in hand
    engine.run(samples)  # a second run begins anew
    assert seen == [1, 3, 4, 1, 3, 4]
    assert capsys.readouterr().err.count("4/4") == 2


def test_an_error_of_the_network_is_not_swallowed():
    def fail(*_):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run([1, 1], fail)
