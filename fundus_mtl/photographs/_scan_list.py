"""The photographs of a list: a CSV of paths, in which every row is an item, or an item with an error."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.files import relative_name
from fundus_mtl.labels import read_eye
from fundus_mtl.photographs._frame_path import split_frame
from fundus_mtl.photographs._frames import with_frames
from fundus_mtl.photographs._list_rows import PATH_COLUMNS, list_rows
from fundus_mtl.photographs._photograph_list import PhotographList
from fundus_mtl.processes import TimeLimit, TooSlowError


def scan_list(path: str | Path, timeout: float | None = None) -> PhotographList:
    """List the photographs of a CSV, in its order.

    The first line names the columns: ``path`` or ``image``, and optionally ``id``, ``laterality`` (R or L) and
    ``mm_per_px`` (one number, or x and y with a space between). UTF-8, with commas, semicolons or tabs. Paths are relative
    to the CSV's folder and stay inside it; absolute ones may lead anywhere. A file with several frames is an item per
    frame, unless the path names one (``x.dcm#2``). A row that names no photograph is an item with an ``error``.

    The id is the given one, without ``./`` and double slashes; else the path relative to the CSV's folder; else, for files
    outside, the bare name, since names of folders may be names of patients. An id that is already used is followed by
    ``(line n)``.

    Args:
        path: regular file of at most 64 MiB and a million rows.
        timeout: limit of time for opening one photograph, in s; None for no limit. See ``processes.TimeLimit``.

    Returns:
        Items as of ``scan_folder``, ids all different; where given, ``laterality`` is R or L, and ``mm_per_px`` ``(x, y)``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such CSV, too large, or has no rows.
        StalledError: if too many photographs take longer than the limit.
    """
    limit = TimeLimit(timeout, "listed")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a list of photographs, but got {str(path)!r}, which is not a file.")
    root = path.resolve().parent
    files: dict[tuple[Path, int | None], int] = {}
    items: dict[str, dict[str, Any]] = {}
    for line, row in list_rows(path):
        for item in _items(row, line, root, limit):
            if "error" not in item and (first := files.setdefault(_key(item), line)) != line:
                item["error"] = f"expected each photograph once, but got the one of line {first} again; remove a line"
            while item["id"] in items:
                item["id"] += f" (line {line})"
            items[item["id"]] = item
    if not items:
        raise ValueError(f"expected photographs in {str(path)!r}, but got a list without rows; check the file.")
    return PhotographList(items.values())


def _items(row: Mapping[str, str], line: int, root: Path, limit: TimeLimit) -> list[dict[str, Any]]:
    try:
        return limit(lambda: with_frames(_item(row, line, root)))
    except TooSlowError as error:
        return [{"id": f"line {line}", "image": f"line {line}", "error": str(error)}]


def _item(row: Mapping[str, str], line: int, root: Path) -> dict[str, Any]:
    """Return one row's item; its error, if any, quotes no cell."""
    given = next((row[column] for column in PATH_COLUMNS if row.get(column)), "")
    if not given or "\0" in given:
        return {
            "id": f"line {line}",
            "image": f"line {line}",
            "error": "expected a path, but got an empty or broken cell",
        }
    full = root / given
    item: dict[str, Any] = {"id": _name(full, root) or f"line {line}", "image": str(full)}
    try:
        facts = given_facts(row)
        if row.get("id"):
            item["id"] = given_name(row["id"])
    except ValueError as error:
        return item | {"error": str(error)}
    refusal = _refusal(full, root, contained=not Path(given).is_absolute())
    return item | facts | ({} if refusal is None else {"error": refusal})


def _refusal(full: Path, root: Path, contained: bool) -> str | None:
    file = split_frame(full)[0]
    try:
        if contained and not file.resolve().is_relative_to(root):
            return "a path that leads out of the list's folder; give it as an absolute path"
        if not file.exists():
            return "there is no such file; check the path"
        if file.is_dir():
            return "a folder, not a file"
        return None if file.is_file() else "not a regular file"
    except (OSError, RuntimeError) as error:  # no permission, names that are too long, links in a circle
        return f"it cannot be opened: {getattr(error, 'strerror', None) or type(error).__name__}"


def _name(full: Path, root: Path) -> str:
    plain = Path(os.path.normpath(full))
    return plain.relative_to(root).as_posix() if plain.is_relative_to(root) and plain != root else plain.name


def _key(item: Mapping[str, Any]) -> tuple[Path, int | None]:
    file, frame = split_frame(item["image"])
    return file.resolve(), frame


def given_facts(row: Mapping[str, str]) -> dict[str, Any]:
    """Return ``laterality`` and ``mm_per_px`` of a row, as far as they are given.

    Raises:
        ValueError: if a cell is neither empty nor such a fact.
    """
    facts: dict[str, Any] = {}
    try:
        side = read_eye(row.get("laterality", ""))
    except ValueError:  # its sentence holds the cell
        raise ValueError(
            "expected laterality R or L, but got something else; correct the cell or leave it empty"
        ) from None
    if side is not None:
        facts["laterality"] = side
    if row.get("mm_per_px"):
        facts["mm_per_px"] = _spacing(row["mm_per_px"])
    return facts


def given_name(name: str) -> str:
    """Return the one spelling of an id that may name the results' files: ``a`` for ``./a`` and ``a/``.

    Raises:
        ValueError: if it is no relative path that stays inside.
    """
    try:
        return relative_name(name)
    except ValueError:
        raise ValueError("expected a relative path or a word as id, but got another; correct the cell") from None


def _spacing(cell: str) -> tuple[float, float]:
    try:
        numbers = [float(number) for number in re.split(r"[\s;x×]+", cell.replace(",", "."))]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(math.isfinite(number) and number > 0 for number in numbers):
        raise ValueError(
            "expected mm_per_px as one positive number, or as x and y, but got something else; correct the cell"
        )
    return numbers[0], numbers[-1]
