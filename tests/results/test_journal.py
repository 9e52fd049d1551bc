"""A journal that is damaged, or that something else has written."""

from __future__ import annotations

import json

import pytest

from fundus_mtl.photographs import scan_folder


@pytest.fixture
def items(tmp_path, photograph, infer):
    for index in range(3):
        photograph(tmp_path / f"in/{index}.png", width=120 + index)
    found = scan_folder(tmp_path / "in")
    infer(found, tmp_path / "out")
    return found


def changed(journal, number, change):
    lines = journal.read_bytes().splitlines(keepends=True)
    record = json.loads(lines[number])
    change(record)
    lines[number] = json.dumps(record).encode() + b"\n"
    journal.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    "change, said",
    [
        (
            lambda record: record["row"].update(status="fine"),
            "expected the status ok, ungradable, failed, but got 'fine'",
        ),
        (lambda record: record["row"].update(status=None), "expected the status ok, ungradable, failed, but got None"),
        (lambda record: record.update(more=1), "expected the keys row, failure, files and thumbnail"),
        (lambda record: record.pop("files"), "expected the keys row, failure, files and thumbnail"),
        (lambda record: record["row"].update(more=1), "expected columns of this run, but got 'more'"),
        (lambda record: record.update(failure={"x": 1}), "expected columns of this run, but got 'x'"),
        (lambda record: record["row"].update(flags=["a"]), "expected a row with an image_id"),
        (lambda record: record["row"].pop("image_id"), "expected a row with an image_id"),
        (lambda record: record.update(files=["../../mine.png"]), "expected files inside the output folder"),
        (lambda record: record.update(files=["/etc/passwd"]), "expected files inside the output folder"),
        (lambda record: record.update(thumbnail="???"), "expected an entry as JSON"),
        (
            lambda record: record["row"].update(vcdr=float("nan")),
            "expected an entry as JSON|expected a number, but got NaN",
        ),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_an_entry_that_is_none_is_refused(items, tmp_path, make, infer, change, said, number):
    journal = tmp_path / "out/journal.jsonl"
    changed(journal, number, change)
    before = journal.read_bytes()
    with pytest.raises(
        ValueError, match=rf"^journal.jsonl, line {number + 1}: ({said}).*; choose another output folder"
    ):
        make(items, tmp_path / "out")
    assert journal.read_bytes() == before
    assert infer(items, tmp_path / "out", overwrite=True).counts["ok"] == 3


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, b"{", b"\xff\xfe\n", b'{"row": \n', b"[" * 100_000 + b"\n"])
def test_only_the_last_line_may_be_damaged(items, tmp_path, make, infer, caplog, damage):
    journal = tmp_path / "out/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[1] + damage)
    results = make(items, tmp_path / "out")
    assert [item["id"] for item in results.pending] == ["2.png"]
    assert ("the last line of journal.jsonl is damaged" in caplog.text) == bool(damage)
    infer(items, tmp_path / "out")
    assert [json.loads(line)["row"]["status"] for line in journal.read_text().splitlines()] == ["ok"] * 3
    if damage.strip(b"\n"):
        journal.write_bytes(lines[0] + damage.strip(b"\n") + b"\n" + lines[2])
        with pytest.raises(ValueError, match="^journal.jsonl, line 2: expected an entry"):
            make(items, tmp_path / "out")
