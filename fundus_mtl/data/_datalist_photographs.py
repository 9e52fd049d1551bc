"""Whether a photograph is in two splits of a datalist, under any names."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from fundus_mtl.data._datalist_rules import items_by_section, place_of
from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS
from fundus_mtl.data._picture_size import PICTURES

_PART = 1 << 16  # bytes at the beginning and at the end of a file that are compared before whole files are
_FEW_COLOURS = 255  # a photograph has thousands

Named = tuple[str, str, Path]  # id, place, file


def check_photographs(document: Mapping[str, Any], folder: Path) -> None:
    """Refuse a photograph that is in two splits or folds: as one file, or as two files of the same bytes.

    Files of one size are compared by their beginning and end, then by their SHA-256, so that whole files are seldom read.
    Empty files may repeat; so may copies of pictures of few colours, which are blank frames and drawings, not photographs.
    A photograph that was saved a second time has other bytes and is not found.

    Args:
        document: Checked datalist.
        folder: Folder that its paths are relative to.

    Raises:
        ValueError: If there is one; the sentence names both items.
    """
    for fault in photograph_faults(items_by_section(document), folder):
        raise fault


def photograph_faults(items: Iterable[tuple[str, Mapping[str, Any]]], folder: Path) -> Iterator[ValueError]:
    """Yield the photographs that `check_photographs` refuses.

    Args:
        items: Sections and checked items.
        folder: Folder that their paths are relative to.
    """
    named = [(item["id"], place_of(section, item), folder / item["image"]) for section, item in items]
    files: dict[str, Named] = {}
    for one in named:
        first = files.setdefault(os.path.realpath(one[2]), one)
        if first[1] != one[1] and not _empty(one[2]):
            yield _twice(first, one, "the same file")
    yield from _content_faults(list(files.values()))


def _content_faults(named: Sequence[Named]) -> Iterator[ValueError]:
    groups: Iterable[Sequence[Named]] = [named]
    for fingerprint in (_size, _ends, _sha256):
        groups = [part for group in groups for part in _split(group, fingerprint)]
    for group in groups:
        for other in group[1:]:
            if other[1] != group[0][1] and not _drawn(other[2]):
                yield _twice(group[0], other, "a copy of its file")


def _split(group: Sequence[Named], fingerprint: Any) -> list[list[Named]]:
    """Return the parts of a group that agree in a fingerprint; a file that cannot be read agrees with none."""
    parts: dict[Any, list[Named]] = defaultdict(list)
    for one in group:
        try:
            parts[fingerprint(one[2])].append(one)
        except OSError:
            continue
    return [part for part in parts.values() if len({place for _, place, _ in part}) > 1]


def _size(path: Path) -> int:
    if not path.is_file():  # opening a pipe would never return
        raise FileNotFoundError
    return path.stat().st_size


def _ends(path: Path) -> bytes:
    with path.open("rb") as file:
        begin = file.read(_PART)
        file.seek(max(0, path.stat().st_size - _PART))
        return hashlib.sha256(begin + file.read(_PART)).digest()


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _drawn(path: Path) -> bool:
    """Return whether a file is empty, or a picture of few colours."""
    try:
        with Image.open(path, formats=PICTURES) as image:
            return image.convert("RGB").getcolors(_FEW_COLOURS) is not None
    except PHOTOGRAPH_ERRORS:  # another format
        return _empty(path)


def _twice(first: Named, other: Named, how: str) -> ValueError:
    return ValueError(
        f"{other[0]}: expected every photograph in one split and fold, but got {how} as {first[0]} in {first[1]} and here "
        f"in {other[1]}; remove one of the two."
    )
