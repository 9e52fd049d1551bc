"""Damaged files of every kind: the pixels that the kind's own library gives, or one sentence; in little time and memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest

from fundus_mtl.photographs import FundusReader, UnreadableImageError, scan_folder
from tests.photographs.corpus import corpus, mutations, oracle, picture

COPIES = 72  # of each file; a minute in all allows about ten times as many
SECONDS = 2.0  # of processor time, for one file of a few kB
MEGABYTES = 400  # more than at the start, for all

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries that are compared with


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return corpus(tmp_path_factory.mktemp("corpus"))


def framed(path: Path) -> str:
    return f"{path}#1" if path.name == "frames.dcm" else str(path)


def outcome(path: Path) -> np.ndarray | None:
    """Read a file; return its picture, or None where it is refused in one sentence that names it."""
    try:
        return FundusReader()(framed(path)).transpose(1, 2, 0)
    except UnreadableImageError as error:
        reason = str(error)
    assert reason.startswith(path.name)
    assert ": expected " in reason
    assert reason.isprintable()
    assert str(path.parent) not in reason
    return None


def facts_or_refusal(path: Path) -> None:
    try:
        scale = FundusReader().facts(framed(path))["mm_per_px"]
    except UnreadableImageError:
        return
    assert scale is None or (len(scale) == 2 and all(0 < step < float("inf") for step in scale))


def same(pixels: np.ndarray, path: Path, whole: np.ndarray | None) -> bool:
    """Compare with the library's own pixels, or with the whole file's where the library refuses it.

    A library may be stricter in fields that do not concern the picture, such as the origin of an nrrd.
    """
    try:
        expected = oracle(path.name)(path)
    except Exception:  # of any library
        expected = whole
    tolerance = 2 if path.name == "jpeg.dcm" else 0  # two colour conversions that round
    return expected.shape == pixels.shape and np.abs(pixels.astype(int) - expected).max() <= tolerance


def test_the_corpus_is_whole(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        pixels = outcome(path)
        assert pixels is not None, name
        expected = oracle(name)(path)
        assert np.abs(pixels.astype(int) - expected).max() <= 1, name
        if "deep" not in name and "big" not in name and "grey" not in name:
            assert np.abs(pixels.astype(int) - picture()).mean() < 6, name  # JPEG


@pytest.mark.parametrize("group", ["png", "jpg", "bmp", "tif", "mha", "nrrd", "nii", "dcm"])
def test_damaged_files(files: dict[str, bytes], tmp_path: Path, group: str) -> None:
    random, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in files.items():
        if group not in name.split("."):
            continue
        path, read = tmp_path / name, 0
        path.write_bytes(data)
        whole = outcome(path)
        for random, harmed in enumerate(mutations(data, COPIES, seed=len(data))):
            path.write_bytes(harmed)
            start = time.process_time()
            pixels = outcome(path)
            facts_or_refusal(path)
            scan_folder(tmp_path)
            assert time.process_time() - start < SECONDS, (name, random)
            if pixels is not None:
                read += 1
                np.testing.assert_array_equal(pixels, outcome(path), err_msg=f"{name} {random}: not the same twice")
                assert same(pixels, path, whole), (name, random)
        assert read < COPIES, "nothing of what was damaged was noticed"
        path.unlink()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
