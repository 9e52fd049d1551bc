"""What results say of a photograph's place when a list calls it by a name of its own."""

from __future__ import annotations

import pytest

from fundus_mtl.photographs import find_photographs


@pytest.fixture
def listed(tmp_path, photograph):
    """A list with and without names, a file outside, one listed twice, and one that is not there."""
    (tmp_path / "in").mkdir()
    photograph(tmp_path / "in/sub/DOE_OS.png")
    photograph(tmp_path / "in/b.png")
    photograph(tmp_path / "else/ROE/c.png")
    lines = ["id,path", "p1,sub/DOE_OS.png", ",b.png", f",{tmp_path / 'else/ROE/c.png'}", ",b.png", "p2,DOE_gone.png"]
    (tmp_path / "in/list.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "in/list.csv"


def test_a_name_of_the_list_hides_the_files(listed, tmp_path, infer, rows):
    infer(find_photographs(listed), tmp_path / "out", input_dir=listed)
    found = {row["image_id"]: row for row in rows(tmp_path / "out/results.csv")}
    assert {name: row["source_relpath"] for name, row in found.items()} == {
        "p1": "", "b.png": "b.png", "c.png": "c.png", "b.png (line 5)": "b.png", "p2": "",
    }  # fmt: skip
    assert (found["p1"]["laterality"], found["p1"]["laterality_source"]) == ("L", "filename")
    failed = {row["source_relpath"] for row in rows(tmp_path / "out/failures.csv")}
    assert {"b.png (line 5)", "p2"} <= failed
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(name in path.read_bytes() for path in written for name in (b"DOE", b"ROE"))


def test_hashed_names_tell_no_path(listed, tmp_path, infer, rows):
    infer(find_photographs(listed), tmp_path / "out", input_dir=listed, id_mode="hash")
    found = rows(tmp_path / "out/results.csv")
    assert {row["source_relpath"] for row in found} == {""}
    assert "L" in {row["laterality"] for row in found}
