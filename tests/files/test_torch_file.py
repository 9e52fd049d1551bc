"""Files of PyTorch: tensors come out, everything else is one sentence without PyTorch's advice to run code."""

from __future__ import annotations

import os
import pickle
import zipfile

import pytest
import torch

from fundus_mtl.files import TorchFileError, read_torch_file


class Command:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.fixture
def whole(tmp_path):
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, tmp_path / "whole.pt")
    return tmp_path / "whole.pt"


def test_tensors_come_out(whole, tmp_path):
    assert torch.equal(read_torch_file(whole)["weight"], torch.arange(6.0).reshape(2, 3))
    torch.save({"epoch": 3, "names": ["a"]}, tmp_path / "state.pt")
    assert read_torch_file(tmp_path / "state.pt") == {"epoch": 3, "names": ["a"]}
    torch.save(torch.ones(2), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(read_torch_file(tmp_path / "old.pt"), torch.ones(2))


def module(path):
    torch.save(torch.nn.Linear(3, 2), path)


def raw_pickle(path):
    path.write_bytes(pickle.dumps(Command()))


def command_inside(path):
    torch.save({"weight": Command()}, path)


@pytest.mark.parametrize("make", [module, raw_pickle, command_inside])
def test_other_objects_are_not_run(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "file.pt")
    with pytest.raises(
        TorchFileError, match="but got other objects, which could run code and are not loaded; save"
    ) as error:
        read_torch_file(tmp_path / "file.pt")
    assert error.value.__suppress_context__  # a traceback would repeat PyTorch's advice
    assert "weights_only" not in str(error.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off(share, whole):
    content = whole.read_bytes()
    kept = int(share * len(content))
    whole.write_bytes(content[:kept])
    with pytest.raises(TorchFileError, match=f"but got a file that is cut off after {kept} bytes; copy it again"):
        read_torch_file(whole)


@pytest.mark.parametrize("content", [b"", b"hello world", b"\x80\x02}q\x00", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_another_format(content, tmp_path):
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(
        TorchFileError, match=rf"but got a damaged file or one of another format \({len(content)} bytes\)"
    ):
        read_torch_file(tmp_path / "file.pt")


def test_compressed_tensors_are_refused(whole, tmp_path):
    """torch.save does not compress; one that does may unpack to any size."""
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb, zipfile.ZipFile(whole) as archive:
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name) + bytes(10_000))
    with pytest.raises(TorchFileError, match="expected tensors as torch.save stores them, but got compressed ones"):
        read_torch_file(tmp_path / "bomb.pt")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file of weights, but got none; check the path"):
        read_torch_file(tmp_path / "none.pt")
