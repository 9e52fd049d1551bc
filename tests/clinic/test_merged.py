"""Shards of a folder, on several machines, joined: the same as one run, also after a shard was killed."""

from __future__ import annotations

import json
import shutil

import pytest

from fundus_mtl.cli import main
from fundus_mtl.inference import infer
from fundus_mtl.photographs import PhotographList, find_photographs
from fundus_mtl.results import merge_runs
from fundus_mtl.workflow import WorkflowError
from tests.clinic.conftest import save_fundus, save_model
from tests.clinic.test_killed import OPTIONS, contents, killed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight drawings and a file that is none, in two folders."""
    folder = tmp_path_factory.mktemp("clinic") / "in"
    for index in range(8):
        save_fundus(folder / f"{'ab'[index % 2]}" / f"{index}.png", seed=index, height=60 + index)
    (folder / "a" / "3b.png").write_text("no picture")
    (folder / "notes.txt").write_text("skipped")
    return folder


@pytest.fixture(scope="module")
def whole(folder, weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    assert infer(folder, out, weights, **OPTIONS) == 3
    return out


@pytest.fixture(scope="module")
def shards(folder, weights, tmp_path_factory):
    """Three shards; the second was killed once, and resumed."""
    root = tmp_path_factory.mktemp("shards")
    second = root / "2" / "journal.jsonl"
    assert killed(
        lambda: infer(folder, root / "2", weights, shard="2/3", **OPTIONS),
        lambda: second.exists() and second.read_bytes().count(b"\n") >= 1,
    )
    done = second.read_bytes().splitlines()[0]
    for number in (1, 2, 3):
        infer(folder, root / str(number), weights, shard=f"{number}/3", **OPTIONS)
    assert done in second.read_bytes().splitlines()
    return [root / str(number) for number in (1, 2, 3)]


@pytest.fixture
def copies(shards, tmp_path):
    return [shutil.copytree(shard, tmp_path / "copies" / shard.name) for shard in shards]


def change(shard, **values):
    record = json.loads((shard / "run.json").read_text())
    (shard / "run.json").write_text(json.dumps(record | values))


def test_the_same_as_one_run(whole, shards, tmp_path, capsys):
    """Whatever the order on the command line; and the joined folder is a run that can be resumed."""
    given = [str(shards[place]) for place in (2, 0, 1)]
    assert main(["merge", str(tmp_path / "out"), *given]) == 3
    assert contents(tmp_path / "out") == contents(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_merged_folder_is_a_finished_run(folder, weights, shards, tmp_path):
    merge_runs(shards, tmp_path / "out")
    before = (tmp_path / "out" / "journal.jsonl").read_bytes()
    assert infer(folder, tmp_path / "out", weights, **OPTIONS) == 3
    assert (tmp_path / "out" / "journal.jsonl").read_bytes() == before


def test_thumbnails_of_many_rows_are_numbered_through(folder, weights, shards, tmp_path, monkeypatch):
    for module in ("_folder_tables", "_merged_run"):
        monkeypatch.setattr(f"fundus_mtl.results.{module}.MAX_EMBEDDED", 4)
    infer(folder, tmp_path / "whole", weights, **OPTIONS)
    merge_runs(shards, tmp_path / "out")
    assert len(list((tmp_path / "out" / "thumbnails").rglob("*.jpg"))) == 8
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_shards_of_a_list_keep_its_order(folder, weights, tmp_path):
    names = [item["image"] for item in find_photographs(folder)]
    (tmp_path / "list.csv").write_text("\n".join(["path", *reversed(names)]))
    infer(tmp_path / "list.csv", tmp_path / "whole", weights, **OPTIONS)
    for number in (1, 2):
        infer(tmp_path / "list.csv", tmp_path / str(number), weights, shard=f"{number}/2", **OPTIONS)
    merge_runs([tmp_path / "1", tmp_path / "2"], tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_other_folders_are_joined_in_the_order_given(folder, weights, tmp_path):
    for name in "ab":
        infer(folder / name, tmp_path / name, weights, **OPTIONS)
    with pytest.raises(ValueError, match="expected every photograph once"):
        merge_runs([tmp_path / "a", tmp_path / "b", tmp_path / "a"], tmp_path / "out")
    counts = merge_runs([tmp_path / "b", tmp_path / "a"], tmp_path / "out")
    assert counts == {"ok": 8, "ungradable": 0, "failed": 1}
    rows = (tmp_path / "out" / "results.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [
        f"{n}.png" for n in ("1", "3", "5", "7", "0", "2", "3b", "4", "6")
    ]


def test_other_weights_are_refused_with_both_named(folder, weights, shards, tmp_path):
    other = save_model(tmp_path / "other", size=48, **{"network_def::width": 2})
    infer(folder, tmp_path / "third", other, shard="3/3", **OPTIONS)
    with pytest.raises(ValueError, match="another model, config sha256 in 'third' than in '1'"):
        merge_runs([*shards[:2], tmp_path / "third"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_missing_or_double_is_refused(folder, weights, shards, tmp_path):
    with pytest.raises(ValueError, match="expected 3 shards, but got none with the number 2"):
        merge_runs([shards[0], shards[2]], tmp_path / "out")
    with pytest.raises(ValueError, match="got shard 2 in '2' and in '2'"):
        merge_runs([*shards, shards[1]], tmp_path / "out")
    infer(folder, tmp_path / "half", weights, shard="1/2", **OPTIONS)
    with pytest.raises(ValueError, match="got 1/3 of 9 photographs in '1' and 1/2 of 9 photographs in 'half'"):
        merge_runs([shards[0], tmp_path / "half"], tmp_path / "out")
    with pytest.raises(ValueError, match="expected results of `fundus-mtl infer`, but got none in 'in'"):
        merge_runs([shards[0], folder], tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("")
    with pytest.raises(ValueError, match="expected a new or empty output folder, but got 'full' with content"):
        merge_runs(shards, tmp_path / "full")


def test_shards_that_have_not_ended_or_are_damaged_are_refused(copies, tmp_path):
    change(copies[1], state="stopped")
    with pytest.raises(ValueError, match="expected runs that have ended, but got '2', which stopped"):
        merge_runs(copies, tmp_path / "out")
    change(copies[1], state="completed")
    next((copies[0] / "overlays").rglob("*.jpg")).unlink()
    with pytest.raises(ValueError, match="expected 'overlays/a/0.png.jpg' in '1', but got no such file"):
        merge_runs(copies, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copies"]


@pytest.mark.parametrize(
    "changed",
    [
        {"model": {}},
        {"options": []},
        {"options": {"shard": {"number": 1, "of": 10**12, "photographs": 9}}},
        {"skipped": {".txt": "1"}},
        {"counts": {"ok": 3}},
        {"shown": [7]},
        {"folders": ["../masks"]},
    ],
    ids=str,
)
def test_a_record_of_another_form_is_refused(copies, tmp_path, changed):
    change(copies[0], **changed)
    with pytest.raises(
        ValueError, match="expected run.json as `fundus-mtl infer` writes it, but got another form in '1'"
    ):
        merge_runs(copies, tmp_path / "out")


def test_a_record_that_never_ends_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "run.json").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="expected results of `fundus-mtl infer`, but got none in 'in'"):
        merge_runs([tmp_path / "in"], tmp_path / "out")


def test_an_empty_table_is_refused(copies, tmp_path):
    (copies[1] / "results.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="expected the same columns in results.csv of '1' and '2'"):
        merge_runs(copies, tmp_path / "out")


def test_another_shard_does_not_resume_in_the_same_folder(folder, weights, copies):
    with pytest.raises(
        WorkflowError, match="expected results of the same run to resume, but got another options in '1'"
    ):
        infer(folder, copies[0], weights, shard="1/2", **OPTIONS)


@pytest.mark.parametrize("count", [1, 5, 8, 100])
@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_shards_are_the_list_cut_in_pieces(count, of):
    if of > count:
        with pytest.raises(ValueError, match=f"expected at most a shard per photograph, {count}, but got {of}"):
            PhotographList([{"id": "x"}] * count).part(f"1/{of}")
        return
    whole = PhotographList([{"id": str(number)} for number in range(count)], {".txt": 1})
    parts = [whole.part(f"{number}/{of}") for number in range(1, of + 1)]
    assert [item for part in parts for item in part] == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts[-1].shard == {"number": of, "of": of, "photographs": count}
    assert parts[0].skipped == {".txt": 1}


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/2/3", "", "-1/2"])
def test_another_text_is_no_shard(shard):
    with pytest.raises(ValueError, match="shard: expected a number and how many there are"):
        PhotographList([{"id": "x"}] * 9).part(shard)
