"""Read a file of PyTorch without running anything in it."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

# Errors of torch.load for truncated files and for files with wrong bytes, found by experiment.
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
)
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"  # first bytes of what torch.save writes since 1.6, and of a pickle alone


class TorchFileError(ValueError):
    """A file is not what ``torch.save`` writes, is cut off, or contains more than tensors and plain values."""


def read_torch_file(path: str | Path) -> Any:
    """Return the tensors and plain values of a file that ``torch.save`` wrote, on the CPU.

    Source: ``torch.load`` with ``weights_only=True``. The messages of PyTorch recommend ``weights_only=False``, which would
    run code of the file, so they are not repeated.

    Args:
        path: Path of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        TorchFileError: If the file cannot be read in this way.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a file of weights, but got none; check the path.")
    try:
        if _unpacked_size(path) > path.stat().st_size:
            raise TorchFileError(
                f"{path}: expected tensors as torch.save stores them, but got compressed ones; save them again."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # such as one of another pickle protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except TorchFileError:
        raise
    except _BROKEN as error:
        raise TorchFileError(f"{path}: expected tensors that torch.save wrote, but got {_fault(path, error)}") from None


def _unpacked_size(path: Path) -> int:
    """Return the bytes in the entries of a ZIP file, which torch.save does not compress; 0 for another file."""
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _fault(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(len(_ZIP))
    size = path.stat().st_size
    if start == _ZIP and not zipfile.is_zipfile(path):
        return f"a file that is cut off after {size} bytes; copy it again, or train again."
    if isinstance(error, pickle.UnpicklingError) and (start[:1] == _PICKLE or "Unsupported operand" not in str(error)):
        return "other objects, which could run code and are not loaded; save the network's state_dict() instead."
    return f"a damaged file or one of another format ({size} bytes); copy it again, or give another one."
