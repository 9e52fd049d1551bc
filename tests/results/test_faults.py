"""Bad files, names and answers: a row each, and the others as if it were not there."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import threading
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, Lambda
from PIL import Image
from torch.utils.data import DataLoader

from fundus_mtl.data import LATER, FolderSamples, GuardedTransform, plain_reason, root_cause
from fundus_mtl.engines import FolderEvaluator
from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import VOLATILE_COLUMNS, Glaucoma, OutputError
from fundus_mtl.tasks import Task

from .conftest import answer, read_native

GOOD = ("a.jpg", "a.png", "sub/a.jpg")


@pytest.fixture
def folder(tmp_path, photograph):
    for index, name in enumerate(GOOD):
        photograph(tmp_path / "in" / name, width=120 + index)
    return tmp_path / "in"


def header_bomb(path: Path) -> None:
    """A PNG of a few bytes that says it is 60000 px wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)))


def add_battery(folder: Path) -> set[str]:
    """Add every bad file; return those that fail."""
    whole = (folder / "a.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "folder.png").mkdir()
    (folder / "broken link.png").symlink_to("nothing.png")
    Image.new("RGB", (120, 60)).save(folder.parent / "secret.png")
    (folder / "outside link.png").symlink_to(folder.parent / "secret.png")
    header_bomb(folder / "bomb.png")
    Image.new("F", (20, 10)).save(folder / "float.tif")
    os.mkfifo(folder / "pipe.png")
    failing = {path.name for path in folder.iterdir() if path.is_file() or path.suffix} - {"a.jpg", "a.png"}
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.new("RGB", (120, 60)).save(folder / "black.png")
    noise = np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    Image.fromarray(np.full((60, 120, 3), (0, 128, 255), np.uint8)).save(folder / "a holiday.png")
    return failing | {"broken link.png"}


def lines_of(output: Path, rows) -> dict[str, dict[str, str]]:
    return {
        row["image_id"]: {name: value for name, value in row.items() if name not in VOLATILE_COLUMNS}
        for row in rows(output / "results.csv")
    }


@pytest.mark.parametrize("batch_size, writers", [(1, 0), (3, 3)])
def test_every_bad_file_is_a_row_and_good_ones_are_as_before(folder, tmp_path, infer, rows, batch_size, writers):
    infer(scan_folder(folder), tmp_path / "clean")
    failing = add_battery(folder)
    infer(scan_folder(folder), tmp_path / "out", batch_size=batch_size, writers=writers)
    found, clean = lines_of(tmp_path / "out", rows), lines_of(tmp_path / "clean", rows)
    assert set(found) == {item["id"] for item in scan_folder(folder)}
    assert {name for name, row in found.items() if row["status"] == "failed"} == failing
    assert len(failing) == 9
    assert all(row["status_reason"] for name, row in found.items() if name in failing)
    assert {name: found[name] for name in GOOD} == clean
    for kind, suffix in (("masks", "png"), ("overlays", "jpg")):
        for name in GOOD:
            path = Path(kind) / f"{name}.{suffix}"
            assert (tmp_path / "out" / path).read_bytes() == (tmp_path / "clean" / path).read_bytes()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(folder, tmp_path, infer):
    (folder / "a.png").chmod(0)
    assert infer(scan_folder(folder), tmp_path / "out").counts["failed"] == 1


def test_a_file_that_the_system_refuses(folder, tmp_path, infer, rows):
    def refused(item):
        if item["id"] == "a.png":
            raise PermissionError(13, "Permission denied", item["image"])
        return answer(item)

    infer(scan_folder(folder), tmp_path / "out", refused)
    assert lines_of(tmp_path / "out", rows)["a.png"]["status_reason"] == "Permission denied"


def test_awkward_names_are_each_a_row_with_pictures_of_their_own(tmp_path, infer, rows, photograph):
    composed, decomposed = (unicodedata.normalize(form, "zoë.png") for form in ("NFC", "NFD"))
    names = {"a.jpg", "a.png", "sub/a.jpg", "a.b.c.png", ".. .png", " x .png", composed, decomposed, "'q\".png"}
    names |= {
        "new\nline.png",
        "-rf.png",
        "=cmd().png",
        "x" * 251 + ".png",
        "CASE.png",
        "case.png",
        "a#2.png",
        "%41.png",
    }
    for index, name in enumerate(sorted(names - {".. .png"})):
        photograph(tmp_path / "in" / name, width=100 + index)
    infer(scan_folder(tmp_path / "in"), tmp_path / "out")
    found = rows(tmp_path / "out/results.csv")
    assert {row["source_relpath"].removeprefix("'") for row in found} == {
        name.removeprefix("'") for name in names - {".. .png"}
    }
    masks = sorted(path for path in (tmp_path / "out/masks").rglob("*.png"))
    assert len(masks) == len(found) == len(names) - 1
    widths = set()
    for path in masks:
        with Image.open(path) as mask:
            widths.add(mask.width)
    assert widths == {int(row["width_px"]) for row in found}
    assert len(widths) == len(found)


def raise_for(name):
    def transform(sample):
        if sample["id"] == name:
            raise ValueError(f"expected a heatmap, but got none in {sample['id']}")
        return {**sample, "seen": True}

    return transform


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_postprocessing_that_fails_is_one_row(folder, tmp_path, make, rows, batch_size):
    """Through MONAI's engine, which calls it for each sample of a batch and ends at the first error."""
    items = scan_folder(folder)
    results = make(items, tmp_path / "out", roles=[Glaucoma("score")])
    samples = FolderSamples(
        results.pending, lambda item: {"id": item["id"], "image": torch.ones(1, 4, 6)}, results.fail
    )
    evaluator = SupervisedEvaluator(
        device="cpu",
        val_data_loader=DataLoader(samples, batch_size=batch_size),
        network=torch.nn.Identity(),
        prepare_batch=lambda batch, *_, **__: (batch["image"], None),
        iteration_update=lambda engine, batch: _fire(engine, {**batch, "pred_score": batch["image"].mean((1, 2, 3))}),
        postprocessing=GuardedTransform(Compose([Lambda(raise_for("a.png"))])),
        val_handlers=[results],
    )
    evaluator.run()
    assert results.counts == {"ok": 2, "ungradable": 0, "failed": 1}
    (failure,) = rows(tmp_path / "out/failures.csv")
    assert (failure["source_relpath"], failure["stage"], failure["error_class"]) == (
        "a.png",
        "postprocess",
        "ValueError",
    )
    assert failure["message"] == "expected a heatmap, but got none in a.png"
    assert {row["glaucoma_prob"] for row in rows(tmp_path / "out/results.csv")} == {"1", ""}


class Scores(torch.nn.Module):
    """A network that answers with a score, after a look at the number that is in all pixels of the photograph."""

    def __init__(self, look):
        super().__init__()
        self.look = look

    def forward(self, image, tasks):
        for one in image:
            self.look(int(one.flatten()[0]))
        return {"score": torch.zeros(len(image), 1)}


def _fire(engine, output):
    from monai.engines.utils import IterationEvents

    engine.state.output = output
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    engine.fire_event(IterationEvents.MODEL_COMPLETED)
    return engine.state.output


@pytest.mark.parametrize("writers", [0, 1, 3])
def test_a_deferred_postprocessing_runs_where_photographs_are_measured(folder, tmp_path, make, rows, writers):
    """The row of the photograph whose postprocessing fails is the same; the others are measured."""
    items, threads = scan_folder(folder), set()

    def postprocess(sample):
        threads.add(threading.current_thread().name.split("_")[0])
        return raise_for("a.png")(sample)

    results = make(items, tmp_path / "out", roles=[Glaucoma("score")], writers=writers)
    guarded = GuardedTransform(postprocess, deferred=True)
    results.start()
    for item in results.pending:
        deferred = guarded({"id": item["id"], "pred_score": torch.ones(1)})
        assert list(deferred) == [LATER]
        results.add([{**deferred, "id": item["id"]}])
    results.finish()
    assert threads == ({"MainThread"} if writers == 0 else {"writer"})
    assert results.counts == {"ok": 2, "ungradable": 0, "failed": 1}
    (failure,) = rows(tmp_path / "out/failures.csv")
    assert (failure["source_relpath"], failure["stage"]) == ("a.png", "postprocess")


@pytest.mark.parametrize("error", [AttributeError("a mistake"), TypeError("a mistake"), KeyboardInterrupt()])
def test_what_is_not_the_photographs_fault_passes_the_guard(error):
    def broken(_):
        raise error

    for transform in (broken, Compose([Lambda(broken)])):
        with pytest.raises(BaseException) as caught:  # noqa: PT011  # MONAI wraps some of them
            GuardedTransform(transform)({"id": "x"})
        assert root_cause(caught.value) is error


@pytest.mark.parametrize("writers", [0, 1, 3])
def test_an_output_that_becomes_read_only_stops_the_run(folder, tmp_path, infer, writers, monkeypatch):
    original = Path.open

    def refuse(self, mode="r", *given, **options):
        if self.parent.name == "overlays" and "x" in mode:
            raise PermissionError(13, "Read-only file system", str(self))
        return original(self, mode, *given, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match="^expected to write the results, but got 'Read-only file system'; what is"):
        infer(scan_folder(folder), tmp_path / "out", writers=writers)
    monkeypatch.undo()
    assert infer(scan_folder(folder), tmp_path / "out").counts["ok"] == 3


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 100 kB, that can be made larger."""

    def mount(*options):
        return subprocess.run(["mount", *options, str(disk)], capture_output=True, check=False).returncode == 0

    disk = tmp_path / "disk"
    disk.mkdir()
    if shutil.which("mount") is None or not mount("-t", "tmpfs", "-o", "size=100k", "tmpfs"):
        pytest.skip("may not mount a file system")
    yield disk, lambda: mount("-o", "remount,size=20m")
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full(tmp_path, infer, rows, photograph, small_disk):
    for index in range(12):
        photograph(tmp_path / f"in/{index:02d}.png", width=120 + index)
    disk, enlarge = small_disk
    items = scan_folder(tmp_path / "in")
    with pytest.raises(OutputError, match="^expected to write the results, but got 'No space left on device'; what is"):
        infer(items, disk / "out")
    for path in (disk / "out").rglob("*.*g"):
        with Image.open(path) as picture:
            picture.load()
    assert not list((disk / "out").rglob("*.part"))
    assert enlarge()
    made = []
    infer(items, disk / "out", lambda item: made.append(item["id"]) or answer(item))
    assert 0 < len(made) < 12  # those before are kept
    infer(items, tmp_path / "whole")
    assert lines_of(disk / "out", rows) == lines_of(tmp_path / "whole", rows)


def test_pictures_are_written_while_the_network_goes_on(folder, tmp_path, make):
    """The first photograph is not written before the second one is answered, or this would wait for ever."""
    from threading import Event

    second = Event()

    def reader(path):
        assert second.wait(30)
        with Image.open(path) as picture:
            return np.moveaxis(np.asarray(picture), -1, 0)

    items = scan_folder(folder)
    results = make(items, tmp_path / "out", reader=reader)
    results.start()
    results.add([answer(items[0])])
    second.set()
    results.add([answer(item) for item in items[1:]])
    results.finish()
    assert results.counts["ok"] == 3


def test_few_photographs_wait_to_be_written(folder, tmp_path, make):
    """With one thread two wait at most; the third has to."""
    import threading

    release, added = threading.Event(), []

    def reader(path):
        assert release.wait(30)
        with Image.open(path) as picture:
            return np.moveaxis(np.asarray(picture), -1, 0)

    for index in range(4):
        Image.new("RGB", (120, 60)).save(folder / f"b{index}.png")
    items = scan_folder(folder)
    results = make(items, tmp_path / "out", reader=reader)
    results.start()

    def engine():
        for item in items:
            results.add([answer(item)])
            added.append(item["id"])

    thread = threading.Thread(target=engine)
    thread.start()
    thread.join(0.5)
    assert len(added) == 2
    release.set()
    thread.join(30)
    results.finish()
    assert (len(added), results.counts["ok"]) == (7, 7)


@pytest.mark.parametrize("threads", [-1])
def test_threads_are_counted(tmp_path, make, threads):
    with pytest.raises(ValueError, match="writers: expected 0 or more threads, but got -1"):
        make([], tmp_path / "out", writers=threads)


@pytest.mark.parametrize("writers", [0, 1])
@pytest.mark.parametrize("step", ["read", "predict", "postprocess", "measure"])
def test_a_photograph_that_hangs_is_a_failed_row_without_hash_and_is_tried_again(
    folder, tmp_path, make, rows, step, writers
):
    """In any of the four steps; the others are measured as ever."""
    end, items = threading.Event(), scan_folder(folder)

    def hanging(here):
        def wait(name):
            if here == step and str(name).endswith("a.png"):
                end.wait()

        return wait

    def run(out):
        read, predict, postprocess, measure = map(hanging, ("read", "predict", "postprocess", "measure"))
        results = make(
            items,
            out,
            roles=[Glaucoma("score")],
            reader=lambda path: (measure(path), read_native(path))[1],
            timeout=0.5,
            writers=writers,
        )
        samples = FolderSamples(
            results.pending,
            lambda item: (
                read(item["id"]),
                {"id": item["id"], "image": torch.full((1, 4, 6), float(GOOD.index(item["id"])))},
            )[1],
            results.fail,
            timeout=0.5,
        )
        # The network gets the number of each photograph as its pixels, and so knows which one it sees.
        evaluator = FolderEvaluator(
            device="cpu",
            val_data_loader=DataLoader(samples, batch_size=1),
            network=Scores(lambda number: predict(GOOD[number])),
            tasks=[Task("score", 1, "classification", torch.nn.functional.binary_cross_entropy_with_logits)],
            prepare_batch=lambda batch, *_, **__: (batch["image"], None),
            on_failure=samples.fail,
            timeout=0.5,
            postprocessing=GuardedTransform(lambda one: (postprocess(one["id"]), one)[1], timeout=0.5),
            val_handlers=[results],
        )
        evaluator.run()
        return results

    try:
        assert run(tmp_path / "out").counts == {"ok": 2, "ungradable": 0, "failed": 1}
        (failure,) = rows(tmp_path / "out/failures.csv")
        assert (failure["source_relpath"], failure["stage"]) == ("a.png", step)
        assert "within 0.5 s, but it took longer" in failure["message"]
        (row,) = (row for row in rows(tmp_path / "out/results.csv") if row["status"] == "failed")
        assert row["source_sha256"] == ""
    finally:
        end.set()
    assert run(tmp_path / "out").counts == {"ok": 3, "ungradable": 0, "failed": 0}


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_network_without_memory_fails_the_photographs_of_its_batch_and_forgets_their_pixels(
    folder, tmp_path, make, rows, batch_size
):
    def look(number):
        if GOOD[number] == "a.png":
            raise RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12"
            )

    def sample(item):
        return {
            "id": item["id"],
            "image": torch.full((1, 4, 6), float(GOOD.index(item["id"]))),
            "photograph": torch.zeros(4, 6, 3, dtype=torch.uint8).numpy(),
        }

    results = make(scan_folder(folder), tmp_path / "out", roles=[Glaucoma("score")])
    samples = FolderSamples(results.pending, sample, results.fail)
    FolderEvaluator(
        device="cpu",
        val_data_loader=DataLoader(samples, batch_size=batch_size),
        network=Scores(look),
        tasks=[Task("score", 1, "classification", torch.nn.functional.binary_cross_entropy_with_logits)],
        prepare_batch=lambda batch, *_, **__: (batch["image"], None),
        on_failure=samples.fail,
        postprocessing=samples.with_pixels,
        val_handlers=[results],
    ).run()
    assert results.counts == {"ok": 3 - batch_size, "ungradable": 0, "failed": batch_size}
    failures = rows(tmp_path / "out/failures.csv")
    assert [row["source_relpath"] for row in failures] == ["a.jpg", "a.png"][-batch_size:]
    assert {row["message"] for row in failures} == {
        "expected enough memory for this photograph, but got too little; reduce it, or give the program more."
    }
    assert samples._aside == {}
    assert len(make(scan_folder(folder), tmp_path / "out", roles=[Glaucoma("score")]).pending) == batch_size


def test_a_mistake_in_the_network_ends_the_run(folder, tmp_path, make):
    def look(_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    samples = FolderSamples(
        scan_folder(folder), lambda item: {"id": item["id"], "image": torch.zeros(1, 4, 6)}, lambda *_: None
    )
    evaluator = FolderEvaluator(
        device="cpu",
        val_data_loader=DataLoader(samples, batch_size=1),
        network=Scores(look),
        tasks=[Task("score", 1, "classification", torch.nn.functional.binary_cross_entropy_with_logits)],
        prepare_batch=lambda batch, *_, **__: (batch["image"], None),
        on_failure=samples.fail,
    )
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        evaluator.run()


def test_a_photograph_too_large_for_the_memory_is_a_failed_row(folder, tmp_path, infer, rows):
    def transform(item):
        if item["id"] == "a.png":
            raise MemoryError("Unable to allocate 9.9 TiB")
        return answer(item)

    assert infer(scan_folder(folder), tmp_path / "out", transform).counts["failed"] == 1
    (failure,) = rows(tmp_path / "out/failures.csv")
    assert failure["message"] == (
        "expected enough memory for this photograph, but got too little; reduce it, or give the program more."
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12"),
    ],
)
def test_every_way_to_run_out_of_memory_has_the_same_reason(error):
    assert plain_reason(error).startswith("expected enough memory for this photograph, but got too little")
