"""A clinic's folder: every file is an item, an error with its reason, or counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, Lambda
from PIL import Image

from fundus_mtl.data import FolderSamples, plain_reason, root_cause
from fundus_mtl.photographs import find_photographs, scan_folder


def photograph(path: Path, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(path)
    return path


def by_id(items: list[dict[str, str]]) -> dict[str, str | None]:
    return {item["id"]: item.get("error") for item in items}


def test_nested_and_in_the_order_of_the_relative_paths(tmp_path: Path) -> None:
    for name in ("b/im0.png", "a/im0.png", "a/im2.png", "a/im2.jpg", "Z.TIF", "a b/é\nü.jpeg"):
        photograph(tmp_path / name)
    items = scan_folder(tmp_path)
    assert [item["id"] for item in items] == [
        "Z.TIF",
        "a b/é\nü.jpeg",
        "a/im0.png",
        "a/im2.jpg",
        "a/im2.png",
        "b/im0.png",
    ]
    assert [item["image"] for item in items] == [str(tmp_path / item["id"]) for item in items]
    assert all("error" not in item for item in items)
    assert scan_folder(str(tmp_path)) == items


def test_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photograph(tmp_path / "in" / "x.png")
    monkeypatch.chdir(tmp_path)
    assert scan_folder("in") == [{"id": "x.png", "image": str(tmp_path.resolve() / "in" / "x.png")}]


def test_other_files_are_counted_without_their_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photograph(tmp_path / "x.png")
    for name in ("DOE_JOHN.txt", "b.txt", "c.csv", "README", ".hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level("INFO"):
        assert by_id(scan_folder(tmp_path)) == {"x.png": None}
    (line,) = caplog.messages
    assert line.startswith("6 files skipped: ")
    assert sorted(line.removeprefix("6 files skipped: ").split(", ")) == [
        "1 .csv",
        "1 without extension",
        "2 .txt",
        "2 hidden",
    ]
    assert "DOE" not in caplog.text


def test_output_folder_inside_is_left_out(tmp_path: Path) -> None:
    photograph(tmp_path / "x.png")
    photograph(tmp_path / "out/masks/x.png.png")
    photograph(tmp_path / "tmp/y.png")
    assert by_id(scan_folder(tmp_path, exclude=tmp_path / "sub/../out")) == {"x.png": None, "tmp/y.png": None}
    assert by_id(scan_folder(tmp_path, exclude=[tmp_path / "out", str(tmp_path / "tmp")])) == {"x.png": None}


def test_what_is_no_file_is_an_error_and_its_contents_are_found(tmp_path: Path) -> None:
    photograph(tmp_path / "folder.png/y.png")
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    errors = by_id(scan_folder(tmp_path))
    assert errors == {"folder.png": "a folder, not a file", "folder.png/y.png": None, "pipe.jpg": "not a regular file"}


def test_links_are_followed_only_to_files_inside(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    photograph(outside / "secret.png")
    photograph(inside / "sub/x.png")
    for name, target in {
        "file.png": outside / "secret.png",
        "folder": outside,
        "folder.png": outside,
        "same.png": inside / "sub/x.png",
        "again": inside / "sub",
        "broken.png": inside / "nothing.png",
        "loop.png": inside / "loop.png",
        "loop": inside / "loop",
    }.items():
        (inside / name).symlink_to(target)
    errors = by_id(scan_folder(inside))
    out = "a link that leads out of the folder; it is not followed"
    broken = "a broken link; its target does not exist"
    assert errors == {
        **dict.fromkeys(("file.png", "folder", "folder.png"), out),
        **dict.fromkeys(("broken.png", "loop.png"), broken),
        **dict.fromkeys(("same.png", "sub/x.png"), None),
    }


def test_a_linked_folder_as_the_folder_itself(tmp_path: Path) -> None:
    photograph(tmp_path / "real/x.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert by_id(scan_folder(tmp_path / "link")) == {"x.png": None}


def test_names_that_are_not_utf8_can_be_written(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")
    try:
        photograph(Path(path))
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (item,) = scan_folder(tmp_path)
    assert item["id"].encode() == b"\\xff.png"
    assert Path(item["image"]).is_file()


def test_unreadable_folder_is_an_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photograph(tmp_path / "x.png")
    (tmp_path / "locked").mkdir()
    original = Path.iterdir

    def iterdir(self: Path) -> object:
        if self.name == "locked":
            raise PermissionError(13, "Permission denied", str(self))
        return original(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    errors = by_id(scan_folder(tmp_path))
    assert errors == {"x.png": None, "locked": "the folder cannot be opened: Permission denied"}


def test_wrong_folders_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        scan_folder(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match="not a folder"):
        scan_folder(photograph(tmp_path / "x.png"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").touch()
    with pytest.raises(ValueError, match=r"expected photographs \(.*\.png.*\) in '.*', but got none"):
        scan_folder(tmp_path / "empty")


# ------------------------------------------------------------------------------------------------------------ samples


def read(item: dict[str, str]) -> dict[str, object]:
    with Image.open(item["image"]) as image:
        return {
            "id": item["id"],
            "image": torch.tensor(np.asarray(image.convert("RGB").resize((4, 4)))).permute(2, 0, 1).float(),
        }


def folder_of(tmp_path: Path, good: int) -> list[dict[str, str]]:
    for index in range(good):
        photograph(tmp_path / f"good{index}.png", size=(6 + index, 4))
    (tmp_path / "empty.png").touch()
    (tmp_path / "a text.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    Image.effect_noise((64, 64), 90).save(tmp_path / "good0a.jpg")
    whole = (tmp_path / "good0a.jpg").read_bytes()
    (tmp_path / "good0a.jpg").write_bytes(whole[: len(whole) // 2])
    return scan_folder(tmp_path)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("good", [0, 1, 6])
def test_monai_runs_over_what_can_be_read(tmp_path: Path, batch_size: int, good: int) -> None:
    items, failures, seen = folder_of(tmp_path, good), [], []
    samples = FolderSamples(
        items, Compose([read]), lambda item, stage, error: failures.append((item["id"], stage, str(error)))
    )
    evaluator = SupervisedEvaluator(
        device="cpu",
        val_data_loader=DataLoader(samples, batch_size=batch_size),
        network=torch.nn.Identity(),
        prepare_batch=lambda batch, *_, **__: (seen.extend(batch["id"]) or batch["image"], None),
    )
    evaluator.run()
    assert evaluator.state.iteration == -(-good // batch_size)
    assert seen == [f"good{index}.png" for index in range(good)]
    assert [(name, stage) for name, stage, _ in failures] == [
        ("a text.png", "read"),
        ("empty.png", "read"),
        ("folder.png", "scan"),
        ("good0a.jpg", "read"),
    ]
    assert failures[2][2] == "a folder, not a file"
    assert failures[3][2].startswith("image file is truncated")


def test_a_transform_that_refuses_is_stage_prepare() -> None:
    def refuse(_: object) -> None:
        raise ValueError("expected a disc, but got none")

    failures: list[tuple[str, BaseException]] = []
    items = [{"id": "x.png", "image": "/in/x.png"}]
    chain = Compose([Compose([Lambda(refuse)])])
    assert list(FolderSamples(items, chain, lambda item, stage, error: failures.append((stage, error)))) == []
    ((stage, error),) = failures
    assert (stage, type(error), str(error)) == ("prepare", ValueError, "expected a disc, but got none")


@pytest.mark.parametrize("error", [AttributeError("a mistake"), TypeError("a mistake"), KeyboardInterrupt()])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_not_the_photographs_fault_is_raised(error: BaseException, wrapped: bool) -> None:
    def broken(_: object) -> None:
        raise error

    transform = Compose([Lambda(broken)]) if wrapped else broken
    failures: list[object] = []
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # MONAI wraps some of them in a RuntimeError
        list(FolderSamples([{"id": "x", "image": "/x"}], transform, lambda *got: failures.append(got)))
    assert root_cause(caught.value) is error
    assert failures == []


def test_workers_are_refused() -> None:
    loader = DataLoader(FolderSamples([{"id": "x", "image": "/x"}], dict, print), num_workers=1)
    with pytest.raises(ValueError, match="expected a loader with num_workers 0"):
        list(loader)


def test_items_are_not_changed_by_transforms() -> None:
    item = {"id": "x", "image": "/x"}
    list(FolderSamples([item], lambda given: given.clear(), print))
    assert item == {"id": "x", "image": "/x"}


@pytest.mark.parametrize(
    "error, reason",
    [
        (FileNotFoundError(2, "No such file or directory", "/home/eve/in/a/x.png"), "No such file or directory"),
        (OSError("cannot identify image file '/home/eve/in/a/x.png'"), "cannot identify image file 'a/x.png'"),
        (OSError("cannot identify image file <_io.BytesIO object at 0x7f00aa>"), "cannot identify image file the file"),
        (ValueError("see /home/eve/other/y.png: no"), "see y.png: no"),
        (ValueError("first\nsecond"), "first"),
        (ValueError("and/or 1/2 px"), "and/or 1/2 px"),
        (ValueError(), "ValueError"),
    ],
)
def test_reasons_are_one_line_without_absolute_paths(error: Exception, reason: str) -> None:
    assert plain_reason(error, {"id": "a/x.png", "image": "/home/eve/in/a/x.png"}) == reason


def test_reason_with_a_quoted_name() -> None:
    name = "/home/eve/a\nb.png"
    assert plain_reason(OSError(f"cannot identify {name!r}"), {"id": "a\nb.png", "image": name}).startswith(
        "cannot identify 'a"
    )
    assert "eve" not in plain_reason(OSError(f"cannot identify {name!r}"), {"id": "a\nb.png", "image": name})


def test_results_of_an_earlier_run_are_no_photographs(tmp_path: Path) -> None:
    """A user may write results into the folder of the photographs, and measure it again later with another OUT."""
    for name in ("eye.png", "out/overlays/eye.png", "half/eye.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / name)
    for name in ("out/run.json", "out/journal.jsonl", "half/run.json"):
        (tmp_path / name).write_text("{}")
    found = scan_folder(tmp_path)
    assert [item["id"] for item in found] == ["eye.png", "half/eye.png"]
    assert found.skipped["folder of results"] == 1


def test_folders_nested_more_deeply_than_results_can_be(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*["d"] * 100)
    photograph(deepest / "eye.png")
    photograph(deepest / "d/other.png")
    assert by_id(scan_folder(tmp_path)) == {
        "d/" * 100 + "eye.png": None,
        "d/" * 100 + "d": "expected folders at most 100 deep, but got a deeper one; move it up",
    }


@pytest.mark.parametrize("slow", ["subfolder", "file", "frames"])
def test_what_cannot_be_listed_in_time_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    """A folder, a file or a header on a disk that does not answer; the others are found as ever."""
    end = threading.Event()
    for name in ("a.png", "sub/b", "sub/c.dcm"):
        photograph((tmp_path / name).with_suffix(".png")).rename(tmp_path / name)

    def waiting(name: str, do: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda path: end.wait() if path.name == name else do(path)

    from fundus_mtl.photographs import _frames, _scan_folder

    if slow == "subfolder":
        monkeypatch.setattr(_scan_folder, "_entries", waiting("sub", _scan_folder._entries))
    elif slow == "file":
        monkeypatch.setattr(_scan_folder, "looks_like_photograph", waiting("b", _scan_folder.looks_like_photograph))
    else:
        monkeypatch.setattr(_frames, "_start", waiting("c.dcm", _frames._start))
    try:
        found = {item["id"]: item.get("error") for item in find_photographs(tmp_path, timeout=0.2)}
    finally:
        end.set()
    reason = "expected a photograph that is listed within 0.2 s, but it took longer"
    expected = {
        "subfolder": {"a.png": False, "sub": True},
        "file": {"a.png": False, "sub/b": True, "sub/c.dcm": False},
        "frames": {"a.png": False, "sub/b": False, "sub/c.dcm": True},
    }
    assert {name: error is not None and reason in error for name, error in found.items()} == expected[slow]


def test_a_line_of_a_list_that_cannot_be_looked_at_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    photograph(tmp_path / "a.png")
    (tmp_path / "list.csv").write_text("path\nb.png\na.png\n")
    refusal = "fundus_mtl.photographs._scan_list._refusal"
    monkeypatch.setattr(refusal, lambda path, *_, **__: end.wait() if path.name == "b.png" else None)
    try:
        slow, good = find_photographs(tmp_path / "list.csv", timeout=0.2)
    finally:
        end.set()
    assert "within 0.2 s, but it took longer" in slow["error"]
    assert "error" not in good
    assert good["id"] == "a.png"
