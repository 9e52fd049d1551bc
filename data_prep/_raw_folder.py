"""What lies below a folder to which archives were unpacked, in whatever sub-folders."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def files_below(root: Path, left_out: Iterable[Path] = ()) -> list[Path]:
    """Return all files of a folder and below it, links followed, those nearest to it first.

    Args:
        root: Folder to search, resolved.
        left_out: folders, resolved, that are not searched. Hidden ones and what macOS and Office leave behind never are.
    """
    return sorted(_walk(root, set(left_out)), key=lambda path: (len(path.parts), path))


def _walk(root: Path, seen: set[Path]) -> Iterator[Path]:
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = [name for name in below if not name.startswith((".", "__MACOSX"))]
        if (real := Path(folder).resolve()) in seen:  # left out, or a circle of links
            below.clear()
            continue
        seen.add(real)
        yield from (Path(folder, name) for name in names if not name.startswith((".", "~$")))


def claim(found: dict[str, Path], name: str, path: Path, kind: str, root: Path) -> None:
    """Note that a file is what ``name`` stands for; another one of the same content may claim that too.

    Args:
        found: by name; added to.
        name: such as ``g0001``.
        path: Path of the file.
        kind: Kind of the file, for the message.
        root: Folder that the message's paths are relative to.

    Raises:
        ValueError: if two different files claim the same name.
    """
    if name not in found:
        found[name] = path
    elif not filecmp.cmp(found[name], path, shallow=False):  # a doubled folder may hold the same file twice
        first, second = (place.relative_to(root).as_posix() for place in (found[name], path))
        raise ValueError(
            f"{name}: expected one {kind}, but got two that differ, {first} and {second}; move the wrong one away."
        )
