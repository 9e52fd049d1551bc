from __future__ import annotations

import os

import pytest
import torch

from fundus_mtl.handlers import latest_checkpoint


def state(folder, name, seconds):
    torch.save({"epoch": torch.tensor(1)}, folder / name)
    os.utime(folder / name, (seconds, seconds))
    return folder / name


def test_the_newest_counts_not_the_highest_epoch(tmp_path):
    """An earlier training into the same folder may have gone further."""
    state(tmp_path, "state_epoch=300.pt", 1)
    newest = state(tmp_path, "state_epoch=10.pt", 3)
    older = state(tmp_path, "state_epoch=9.pt", 2)
    assert latest_checkpoint(tmp_path) == str(newest)
    assert latest_checkpoint(tmp_path, str(older)) == str(older)
    assert latest_checkpoint(tmp_path, None) is None


@pytest.mark.parametrize("kept", [0, 100])
def test_a_broken_file_is_passed_over(tmp_path, kept, caplog):
    whole = state(tmp_path, "state_epoch=1.pt", 1)
    broken = state(tmp_path, "state_epoch=2.pt", 2)
    broken.write_bytes(broken.read_bytes()[:kept])
    assert latest_checkpoint(tmp_path) == str(whole)
    assert "state_epoch=2.pt is broken" in caplog.text


def test_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="start without resume_from"):
        latest_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        latest_checkpoint(tmp_path, "nowhere.pt")
