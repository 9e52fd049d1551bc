from __future__ import annotations

import os

import pytest
import torch

from fundus_mtl.handlers import latest_checkpoint


def state(folder, name, seconds):
    torch.save({"epoch": torch.tensor(1)}, folder / name)
    os.utime(folder / name, (seconds, seconds))
    return folder / name


def test_the_highest_epoch_counts_whatever_the_clock_says(tmp_path):
    """A copy has other times, and 10 comes after 9."""
    older = state(tmp_path, "state_epoch=9.pt", 2)
    newest = state(tmp_path, "state_epoch=10.pt", 1)
    assert latest_checkpoint(tmp_path) == str(newest)
    newest.write_bytes(newest.read_bytes()[:100])
    assert latest_checkpoint(tmp_path) == str(older)


def test_names_without_an_epoch_go_by_the_clock(tmp_path):
    state(tmp_path, "b.pt", 1)
    newest = state(tmp_path, "a.pt", 2)
    assert latest_checkpoint(tmp_path) == str(newest)


def test_an_earlier_training_into_the_same_folder_may_have_gone_further(tmp_path):
    """More files than one training keeps: the newest counts, not the highest epoch."""
    state(tmp_path, "state_epoch=300.pt", 1)
    newest = state(tmp_path, "state_epoch=10.pt", 3)
    older = state(tmp_path, "state_epoch=9.pt", 2)
    assert latest_checkpoint(tmp_path) == str(newest)
    assert latest_checkpoint(tmp_path, str(older)) == str(older)
    assert latest_checkpoint(tmp_path, None) is None


@pytest.mark.parametrize("content", [b"", b"PK", b"no state", bytes(range(256)), b"\x80\x02]q\x00(K\x01e."])
def test_none_can_be_read(tmp_path, content, caplog):
    (tmp_path / "state_epoch=1.pt").write_bytes(content)
    with pytest.raises(FileNotFoundError, match="start without resume_from"):
        latest_checkpoint(tmp_path)
    assert "state_epoch=1.pt is broken" in caplog.text


def test_nothing_is_executed(tmp_path):
    """A pickle that calls something is no state."""
    import pickle

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    (tmp_path / "state_epoch=1.pt").write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(FileNotFoundError):
        latest_checkpoint(tmp_path)
    assert not (tmp_path / "executed").exists()


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
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        latest_checkpoint(tmp_path, "nowhere.pt")
