"""A data set of many small labelled images in one file and in memory, the counterpart of a datalist of photographs.

``<name>.npz`` contains for each section ``id`` (text), ``image`` (uint8), and per task the class and
``<task>_present``. ``<name>.json`` next to it contains the description and the SHA-256. The files contain nothing
executable (no pickle).
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.files import read_json, whole_file, write_whole

MAX_BYTES = 2**30
"""Most bytes of all arrays, unpacked: MNIST in pairs has 0.1 GB."""
Arrays = dict[str, NDArray[Any]]
_OF_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, struct.error)


@dataclass(frozen=True)
class ArraySet:
    """Sections (training, validation, testing) of labelled images.

    Args:
        about: Description: ``name``, ``licence``, ``source``, ``note`` (shown together with results, or None), and
            optional further entries.
        tasks: Number of classes by task name.
        sections: Arrays by section name, for example ``training``: ``id (N,)``, ``image (N, H, W)`` uint8, and per task
            ``<task> (N,)``, the class from 0, and ``<task>_present (N,)``, false if the class is a filler.

    Raises:
        ValueError: if an array is missing or has another length, an id occurs twice, or a label is out of range.
    """

    about: Mapping[str, Any]
    tasks: Mapping[str, int]
    sections: Mapping[str, Arrays]

    def __post_init__(self) -> None:
        for section, arrays in self.sections.items():
            self._check(section, arrays)
        ids = np.concatenate([arrays["id"] for arrays in self.sections.values()])
        names, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"{names[counts > 1][0]}: expected unique ids, but got this id more than once.")

    def _check(self, section: str, arrays: Arrays) -> None:
        wanted = {"id", "image", *self.tasks, *(f"{task}_present" for task in self.tasks)}
        if set(arrays) != wanted:
            raise ValueError(f"{section}: expected the arrays {sorted(wanted)}, but got {sorted(arrays)}.")
        if len(lengths := {len(array) for array in arrays.values()}) > 1:
            raise ValueError(f"{section}: expected arrays of equal length, but got {sorted(lengths)}.")
        for task, classes in self.tasks.items():
            labels = arrays[task][arrays[f"{task}_present"]]
            if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
                raise ValueError(
                    f"{section}: expected classes of {task} below {classes}, but got {labels.min()} to {labels.max()}."
                )

    @property
    def digest(self) -> str:
        """SHA-256 of all arrays, independent of their compression."""
        found = hashlib.sha256()
        for section in sorted(self.sections):
            for key, array in sorted(self.sections[section].items()):
                found.update(f"{section}/{key} {array.dtype.str} {array.shape}\n".encode())
                found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def select(self, sections: Sequence[str], tasks: Sequence[str]) -> Arrays:
        """Return the images of the given sections that have a label of at least one given task, with these labels only.

        Raises:
            ValueError: if a section or task is unknown, or no image has a label.
        """
        for kind, wanted, known in ("section", sections, self.sections), ("task", tasks, self.tasks):
            if unknown := [name for name in wanted if name not in known]:
                raise ValueError(f"{self.about['name']}: expected a {kind} of {sorted(known)}, but got {unknown[0]!r}.")
        keys = ["id", "image", *(key for task in tasks for key in (task, f"{task}_present"))]
        found = {key: np.concatenate([self.sections[name][key] for name in sections]) for key in keys}
        rows = np.any([found[f"{task}_present"] for task in tasks], axis=0)
        if not rows.any():
            raise ValueError(
                f"{self.about['name']}: expected labels of {list(tasks)} in {list(sections)}, but got none."
            )
        return {key: array[rows] for key, array in found.items()}

    def save(self, path: str | Path) -> None:
        """Write ``path`` (``.npz``) and the JSON file next to it, each atomically."""
        path = Path(path)
        flat = {f"{name}/{key}": array for name, arrays in self.sections.items() for key, array in arrays.items()}
        sizes = {name: len(arrays["id"]) for name, arrays in self.sections.items()}
        document = {**self.about, "tasks": dict(self.tasks), "sections": sizes, "sha256": self.digest}
        with whole_file(path) as partial:
            np.savez_compressed(partial, allow_pickle=False, **flat)
        write_whole(path.with_suffix(".json"), json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> ArraySet:
        """Read files that `save` wrote.

        Raises:
            FileNotFoundError: if one of the two files does not exist.
            ValueError: if the files are damaged, or their checksums do not match.
        """
        path = Path(path)
        for file in (path, path.with_suffix(".json")):
            if not file.is_file():
                raise FileNotFoundError(
                    f"{file.name}: expected this file in {file.parent}, but got none; create it with `fundus-mtl prepare`."
                )
        sections: dict[str, Arrays] = {}
        try:
            about = read_json(path.with_suffix(".json"))
            _refuse_large(path)
            # Opened here, because np.load does not close a damaged file.
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
                for key in archive.files:
                    section, name = key.split("/")
                    sections.setdefault(section, {})[name] = archive[key]
            tasks, sha256, _ = about.pop("tasks"), about.pop("sha256"), about.pop("sections")
        except (ValueError, LookupError, TypeError, AttributeError, EOFError, OSError, *_OF_ZIP) as error:
            raise ValueError(
                f"{path.name}: expected a prepared set, but got: {error}; run `fundus-mtl prepare` again."
            ) from error
        found = cls(about, tasks, sections)
        if found.digest != sha256:
            raise ValueError(
                f"{path.name}: expected arrays with the SHA-256 in its JSON file, but got others; run `fundus-mtl prepare` "
                "again."
            )
        return found


def _refuse_large(path: Path) -> None:
    """Refuse arrays that unpack to more than `MAX_BYTES`; zipfile stops where a declared size ends."""
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES:,} unpacked bytes, but got {size:,}")
