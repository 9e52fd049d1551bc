"""One process at a time writes to a folder; the lock itself is never written through a link."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from fundus_mtl.processes import LOCK_FILE, LockedError, alone, locked


def test_functions_are_called_in_order_under_the_lock(tmp_path):
    calls = []

    def check():
        with pytest.raises(LockedError), locked(tmp_path / "state"):
            pass
        calls.append("checked")

    alone(tmp_path, tmp_path / "state", lambda: calls.append("first"), None, check)
    assert calls == ["first", "checked"]
    with locked(tmp_path / "state"):  # it was given back
        pass


def test_the_second_is_refused_by_the_name_of_the_folder_and_calls_nothing(tmp_path):
    message = f"expected out to be unlocked, but got a lock of process {os.getpid()}, which writes there; wait until"
    with locked(tmp_path / "out/state"), pytest.raises(LockedError, match=message) as refused:
        alone(tmp_path / "out", tmp_path / "out/state", lambda: pytest.fail("it was called"))
    assert refused.value.exit_code == 2


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError):
        alone(tmp_path, tmp_path, lambda: 1 / 0)
    with locked(tmp_path):
        pass


def test_no_lock_for_other_ranks(tmp_path):
    with locked(tmp_path):
        calls: list[int] = []
        alone(tmp_path, None, lambda: calls.append(1))
    assert calls == [1]


@pytest.mark.parametrize("error", [OSError(errno.ENOTSUP, "no locks"), ModuleNotFoundError("fcntl")])
def test_systems_without_locks_get_a_warning(tmp_path, monkeypatch, caplog, error):
    if isinstance(error, ModuleNotFoundError):
        monkeypatch.setitem(sys.modules, "fcntl", None)
    else:
        monkeypatch.setattr("fcntl.flock", lambda *_: (_ for _ in ()).throw(error))
    calls = []
    alone(tmp_path, tmp_path, lambda: calls.append(1))
    assert calls == [1]
    assert "start one run at a time for each folder" in caplog.text


def test_a_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("mine\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_FILE).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "out"):
        pass
    assert victim.read_text() == "mine\n"
