from __future__ import annotations

import pytest

from fundus_mtl.files._whole_file import whole_file


def write_half(path, error):
    with whole_file(path) as partial:
        partial.write_text("ha")
        raise error


def test_the_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with whole_file(path) as partial:
        partial.write_text("id\n")
        assert not path.exists()
        assert partial.suffix == ".csv"
    assert path.read_text() == "id\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_rest(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
