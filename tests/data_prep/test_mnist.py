from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from data_prep._idx import PUBLISHED, parse_idx, read_digits
from data_prep.mnist import cut, main, prepare
from fundus_mtl.data import ArraySet

MNIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"


def idx(array):
    """The bytes of an IDX file, written by the format's description."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def raw_folder(folder, train=60, test=20, side=28):
    """Digits 0 to 9 in turn; image k is all k. The test files are packed."""
    folder.mkdir(parents=True)
    for part, count in ("train", train), ("t10k", test):
        images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, side, side))
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in (f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels):
            if part == "train":
                (folder / name).write_bytes(idx(array))
            else:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return folder


def test_idx_by_hand():
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
    assert parse_idx(content, 2, "x").tolist() == [[1, 2, 3], [4, 5, 255]]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", r"x: expected an IDX file \(it begins with 00000801\), but got ;"),
        (bytes([0, 0, 8, 3]), r"it begins with 00000801\), but got 00000803"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 0]), "but got 00000d01"),
        (b"\x1f\x8b\x08\x00rest", "but got 1f8b0800"),
        (bytes([0, 0, 8, 1, 0, 0]), "expected a header of 8 bytes, but got 6; the file is cut off"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), r"expected 3 bytes for \(3,\), but got 2; the file is cut off"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), "but got 2; the file has bytes after its end"),
    ],
    ids=["empty", "images for labels", "floats", "gzip", "half a header", "cut off", "too long"],
)
def test_broken_idx_files_are_refused(content, message):
    with pytest.raises(ValueError, match=message.removesuffix(";")):
        parse_idx(content, 1, "x")


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    folder = raw_folder(tmp_path / "raw")
    labels = folder / "train-labels-idx1-ubyte"
    whole = labels.read_bytes()
    labels.write_bytes(idx(np.zeros(59, dtype=np.uint8)))
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte: expected a label for each of 60 images, but got 59"):
        read_digits(folder, "train")
    labels.write_bytes(whole[:-1] + b"\x0b")
    with pytest.raises(ValueError, match="expected digits from 0 to 9, but got 11"):
        read_digits(folder, "train")
    with pytest.raises(ValueError, match="expected images of 28x28 px, but got 12x12"):
        read_digits(raw_folder(tmp_path / "small", side=12), "train")
    packed = folder / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz: expected a gzip file, but got"):
        read_digits(folder, "t10k")
    packed.write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz: expected a gzip file, but got"):
        read_digits(folder, "t10k")


def test_the_sections_of_even_and_odd(tmp_path):
    """The first fifty images are for training and validation, the last ten are spare, the test file is the test."""
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", train=50, validation=8)
    made = ArraySet.load(tmp_path / "out" / "even_odd.npz")
    ids = {name: set(arrays["id"]) for name, arrays in made.sections.items()}
    assert {name: len(found) for name, found in ids.items()} == {
        "training": 42, "validation": 8, "spare": 10, "testing": 20,
    }  # fmt: skip
    assert ids["training"] | ids["validation"] == {f"train_{row:05}" for row in range(50)}
    assert ids["spare"] == {f"train_{row:05}" for row in range(50, 60)}
    assert ids["testing"] == {f"t10k_{row:05}" for row in range(20)}
    for arrays in made.sections.values():
        for row, name in enumerate(arrays["id"]):
            digit = int(name[-5:]) % 10
            task = "odd" if digit % 2 else "even"
            assert arrays[task][row] == digit // 2
            assert arrays[f"{task}_present"][row]
            assert (arrays["image"][row] == int(name[-5:])).all()
        assert (arrays["even_present"] != arrays["odd_present"]).all()
    assert made.about["name"] == "digits in MNIST's format"
    assert "Not the published MNIST" in made.about["note"]


def test_the_validation_part_follows_the_seed():
    parts = [cut(100, 80, 10, seed) for seed in (0, 0, 1)]
    assert parts[0]["validation"].tolist() == parts[1]["validation"].tolist() != parts[2]["validation"].tolist()
    with pytest.raises(ValueError, match="expected at least 80 images in the training file, but got 79; see --train"):
        cut(79, 80, 10, 0)
    for validation in (0, 80):
        with pytest.raises(ValueError, match=f"expected from 1 to 79 images, but got {validation}"):
            cut(100, 80, validation, 0)


def test_the_command_line(tmp_path, capsys):
    folder = raw_folder(tmp_path / "raw")
    more = ["--train", "60", "--validation", "12", "--kind", "multi"]
    assert main([str(folder), str(tmp_path / "out"), *more]) == 0
    printed = capsys.readouterr().out
    assert "training          48      48      48" in printed
    assert "multi.npz" in printed
    assert json.loads((tmp_path / "out" / "multi.json").read_text())["tasks"] == {"left": 10, "right": 10}
    assert main([str(folder), str(tmp_path / "out")]) == 1
    assert "expected at least 50000 images in the training file, but got 60" in capsys.readouterr().err
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert main([str(folder), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("MNIST was not prepared. t10k-labels-idx1-ubyte: expected it, plain or as .gz, in ")
    assert "put them into that folder" in error
    assert all(name in error for name in PUBLISHED)


@pytest.mark.skipif(not MNIST.is_dir(), reason="../shared/data/mnist is not here: the real MNIST cannot be read")
def test_the_real_mnist():
    testing, published = read_digits(MNIST, "t10k")
    assert published
    assert testing.images.shape == (10_000, 28, 28)
    assert testing.digits[:5].tolist() == [7, 2, 1, 0, 4]
    assert int((testing.digits % 2 == 0).sum()) == 4926
