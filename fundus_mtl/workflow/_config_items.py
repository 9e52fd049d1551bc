"""Which configs an args file of a bundle names, and which items they have; read without MONAI, for commands and plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fundus_mtl.files import read_yaml

AFTER = "_after_"  # key with the files that must come before this one; not an item


def shared_items(args: Path, overlay: Path) -> dict[str, Any]:
    """Return the items of an overlay that the configs of an args file have too, such as the network's kind."""
    known = items_of(args)
    return {key: value for key, value in _read(overlay).items() if first_part(key) in known}


def items_of(args: Path) -> set[str]:
    """Return the ids at the top of the configs that an args file names."""
    return {first_part(key) for path in files_of(args) for key in _read(path)}


def lists_of(args: Path) -> set[str]:
    """Return those of `items_of` that are lists, which ``+`` extends."""
    return {key for path in files_of(args) for key, value in _read(path).items() if isinstance(value, list)}


def files_of(args: Path, key: str = "config_file") -> list[Path]:
    """Return the files that an args file names.

    Args:
        args: The args file; the paths in it are relative to its folder.
        key: ``config_file`` or ``overlay``.
    """
    names = _read(args).get(key) or []
    return [args.parent / name for name in ([names] if isinstance(names, str) else names)]


def first_part(item: str) -> str:
    """Return the top of an id, in either notation and without the ``+`` of one that extends."""
    return item.removeprefix("+").replace("#", "::").split("::")[0]


def _read(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    return {key: value for key, value in content.items() if key != AFTER} if isinstance(content, dict) else {}
