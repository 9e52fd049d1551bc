"""Which configs an args file of a bundle names, and which items they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def shared_items(args: Path, overlay: Path) -> dict[str, Any]:
    """Return the items of an overlay that the configs of an args file have too, such as the network's kind."""
    known = items_of(args)
    return {key: value for key, value in _read(overlay).items() if first_part(key) in known}


def items_of(args: Path) -> set[str]:
    """Return the ids at the top of the configs that an args file names."""
    return {key for path in configs_of(args) for key in _read(path)}


def lists_of(args: Path) -> set[str]:
    """Return those of `items_of` that are lists, which ``+`` extends."""
    return {key for path in configs_of(args) for key, value in _read(path).items() if isinstance(value, list)}


def configs_of(args: Path) -> list[Path]:
    """Return the configs that an args file names."""
    names = _read(args)["config_file"]
    return [args.parent / name for name in ([names] if isinstance(names, str) else names)]


def first_part(item: str) -> str:
    """Return the top of an id, in either notation."""
    return item.replace("#", "::").split("::")[0]


def _read(path: Path) -> dict[str, Any]:
    import yaml

    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}
