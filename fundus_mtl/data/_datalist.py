"""Datalists: JSON files that list photographs, their labels, and their split.

A datalist is JSON: ``{"name", "licence", "source", "tasks", "training": [...], "validation": [...], "testing":
[...]}``. An item is flat and keyed by task: ``{"id", "image", "disc", "fovea": [x, y], "glaucoma": 0, "patient",
"fold", ...}``. A missing key means a missing label. Paths are relative to the folder of the JSON file. They may lead out of
it, since prepared lists point to the photographs where they were unpacked: a datalist may name any file that you may read,
so check where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data._datalist_photographs import check_photographs
from fundus_mtl.data._datalist_rules import ITEM_KEYS, SECTIONS, check_datalist, with_labels
from fundus_mtl.data._failure import PHOTOGRAPH_ERRORS
from fundus_mtl.data._picture_size import picture_size
from fundus_mtl.files import read_json, relative_name, write_whole
from fundus_mtl.labels import check_inside, read_eye

Item = dict[str, Any]
MAX_BYTES = 2**26
"""Largest datalist, 64 MiB: the SHA-256 and labels of 200,000 photographs."""


def read_datalist(
    path: str | Path,
    section: str,
    root: str | Path | None = None,
    fold: int | None = None,
    tasks: Sequence[str] | None = None,
    require: Sequence[str] = (),
) -> list[Item]:
    """Validate a datalist and return the items of one section with absolute paths.

    Ids are returned in one spelling (``./a`` and ``a/`` as ``a``), ``laterality`` as R or L and without the key if it is
    unknown, true and false as 1 and 0.

    Args:
        path: Path of the JSON file.
        section: Name of the section: ``training``, ``validation`` or ``testing``.
        root: Folder that paths are relative to; default: the folder of the JSON file.
        fold: Fold for cross-validation. ``training`` then returns the training items of the other folds, ``validation``
            those of this fold. Optional.
        tasks: Names of the labels to keep; default: all. Each must have a label in the training section, and both
            classes if the labels are 0 and 1.
        require: Names of required labels. Photographs that lack one are left out, and this is logged.

    Raises:
        FileNotFoundError: if the datalist, or a file that it names, does not exist.
        ValueError: if the datalist is invalid; the message names the item.
    """
    path = Path(path)
    document = parsed_datalist(path)
    check_datalist(document)
    folder = (Path(root) if root is not None else path.parent).resolve()
    check_photographs(document, folder)
    if section not in SECTIONS:
        raise ValueError(f"Datalist: expected a section among {SECTIONS}, but got {section!r}.")
    kept = document["tasks"] if tasks is None else list(tasks)
    check_tasks(kept, document, path.name)
    items = with_labels(require, _cut(document, section, fold), f"{path.name}: {section}")
    if not items:
        where = section if fold is None else f"{section} of fold {fold}"
        raise ValueError(f"{path.name}: expected photographs in {where}, but got none; choose another split or fold.")
    dropped = set(document["tasks"]) - set(kept)
    return [located({k: v for k, v in item.items() if k not in dropped}, folder) for item in items]


def load_datalist(path: str | Path) -> dict[str, Any]:
    """Return a whole datalist, checked, the paths of its items made absolute.

    Args:
        path: JSON file; paths in it are relative to its folder.

    Raises:
        FileNotFoundError: if the datalist, or a file that it names, does not exist.
        ValueError: if the datalist is invalid; the message names the item.
    """
    path = Path(path)
    document = parsed_datalist(path)
    check_datalist(document)
    folder = path.parent.resolve()
    check_photographs(document, folder)
    return document | {section: [located(dict(item), folder) for item in document[section]] for section in SECTIONS}


def write_datalist(path: str | Path, document: Mapping[str, Any]) -> None:
    """Validate a datalist and write it atomically.

    Raises:
        ValueError: if the datalist is invalid, or a photograph is in two splits.
        OSError: if the file cannot be written, for example because the disk is full.
    """
    check_datalist(document)
    path = Path(path)
    check_photographs(document, path.parent.resolve())
    try:
        write_whole(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OSError(
            error.errno,
            f"{path.name}: expected to write the datalist, but got: {error.strerror}; check the disk space.",
        ) from error


def datalist_digest(path: str | Path) -> str:
    """Return the SHA-256 of the content of a datalist, independent of the order of its keys."""
    text = json.dumps(parsed_datalist(Path(path)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_tasks(tasks: Sequence[str], document: Mapping[str, Any], name: str) -> None:
    """Refuse tasks that are not in a datalist, or that its training section has no label, or only one class, of.

    Raises:
        ValueError: If there is one.
    """
    for task in tasks:
        if task not in document["tasks"]:
            raise ValueError(
                f"{name}: expected tasks among {document['tasks']}, but got {task!r}; leave it out of task_names."
            )
        labels = [item[task] for item in document["training"] if item.get(task) is not None]
        if not labels:
            raise ValueError(
                f"{name}: expected labels of {task} in the training section, but got none; leave it out of task_names."
            )
        if all(isinstance(label, int | float) for label in labels) and len(set(labels)) < 2:
            raise ValueError(
                f"{name}: expected more than one class of {task} in the training section, but got only {labels[0]}; "
                "leave it out of task_names."
            )


def _cut(document: Mapping[str, Any], section: str, fold: int | None) -> list[Item]:
    if fold is None or section == "testing":
        return list(document[section])
    pooled = document["training"]
    folds = sorted({item.get("fold") for item in pooled}, key=str)
    if fold not in folds:
        raise ValueError(f"Datalist: expected a fold among {folds}, but got {fold}; use the cross-validation datalist.")
    for item in pooled:
        if "fold" not in item:
            raise ValueError(
                f"{item['id']}: expected a fold among {folds}, but got none; run `fundus-mtl prepare` again."
            )
    return [item for item in pooled if (item["fold"] == fold) == (section == "validation")]


def located(item: Item, folder: Path) -> Item:
    """Return an item with absolute paths and normalised values; strings under keys such as ``patient`` are not paths."""
    for key, value in item.items():
        if (isinstance(value, str) and key not in ITEM_KEYS) or key == "image":
            file = folder / value
            if not file.is_file():
                raise FileNotFoundError(
                    f"{item['id']}: expected the file {value} for {key}, but got none; run `fundus-mtl prepare` again."
                )
            item[key] = str(file)
        elif isinstance(value, bool):
            item[key] = int(value)
    _check_points(item)
    side = read_eye(item.pop("laterality", None) or "")
    return item | {"id": relative_name(item["id"])} | ({} if side is None else {"laterality": side})


def _check_points(item: Item) -> None:
    """Refuse points outside the photograph, as far as its header can be read: a damaged file fails when it is loaded."""
    points = {key: value for key, value in item.items() if isinstance(value, list | tuple)}
    if points:
        try:
            size = picture_size(item["image"])
        except PHOTOGRAPH_ERRORS:
            return
        for key, point in points.items():
            check_inside(point, item["id"], key, size)


def parsed_datalist(path: Path) -> dict[str, Any]:
    """Return the JSON of a datalist, unchecked.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is too large or not JSON.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"Datalist: expected the file {path}, but got none; create it with `fundus-mtl prepare`."
        )
    try:
        document: dict[str, Any] = read_json(path, MAX_BYTES, nan=True)
    except ValueError as error:
        reason = str(error).rstrip(".").removeprefix("expected JSON, but got: ")
        raise ValueError(f"{path.name}: expected JSON, but got: {reason}; make it with data_prep.") from error
    return document
