from __future__ import annotations

import pytest

from fundus_mtl.handlers import latest_checkpoint


def test_the_last_epoch_counts_not_the_last_letter(tmp_path):
    for epoch in (2, 9, 10):
        (tmp_path / f"state_epoch={epoch}.pt").touch()
    (tmp_path / "model.pt").touch()
    assert latest_checkpoint(tmp_path).endswith("state_epoch=10.pt")
    named = tmp_path / "state_epoch=2.pt"
    assert latest_checkpoint(tmp_path, str(named)) == str(named)
    assert latest_checkpoint(tmp_path, None) is None


def test_nothing_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="start without resume_from"):
        latest_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        latest_checkpoint(tmp_path, "nowhere.pt")
