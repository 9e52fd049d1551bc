"""The order of config files: one that changes what another sets names it in ``_after_``, and must come later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.workflow._config_items import AFTER
from fundus_mtl.workflow._error import RefusedError


def take_order(content: dict[str, Any], file: Path, files: Sequence[Path], option: str) -> None:
    """Check that a config file comes after those that it names; remove the key, which is no item of the config.

    MONAI's own workflow keeps the key as an item that nothing refers to.

    Args:
        content: Content of the file. ``_after_`` is a file name or a list of them, each with as many folders as tell
            the file from others: ``robust.yaml``, ``shared/train.yaml``.
        file: The file, for the message.
        files: All files of the run in their order.
        option: Name of the option that takes such files, for the message.

    Raises:
        RefusedError: If a named file is missing or comes later.
    """
    names = content.pop(AFTER, [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusedError(f"{file}: expected {AFTER} to be a list of file names, but got {names!r}.")
    position = files.index(file)
    for name in names:
        if any(_is(found, name) for found in files[:position]):
            continue
        late = any(_is(found, name) for found in files[position + 1 :])
        raise RefusedError(
            f"{file}: expected {name} before this file, but got it {'after it' if late else 'nowhere'}; "
            f"give --{option} {_path(file, name)},{file}."
        )


def _is(file: Path, name: str) -> bool:
    parts = Path(name).parts
    return file.resolve().parts[-len(parts) :] == parts


def _path(file: Path, name: str) -> str:
    """Return where the named file is likely to be: beside the other one."""
    beside = file.parent / name
    return str(beside) if beside.is_file() else name
