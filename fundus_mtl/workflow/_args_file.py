"""The config files and overlays that a bundle's args file names."""

from __future__ import annotations

from pathlib import Path

from fundus_mtl.workflow._merge import load


def files_of(args: Path, key: str = "config_file") -> list[Path]:
    """Return the files that an args file names, in their order.

    Args:
        args: The args file; paths in it are relative to its folder.
        key: ``config_file`` or ``overlay``.
    """
    names = load(args).get(key, [])
    return [args.parent / name for name in ([names] if isinstance(names, str) else names)]
