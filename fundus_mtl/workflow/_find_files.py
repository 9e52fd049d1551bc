"""Find config files, whatever folder the command is called from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fundus_mtl.suggestions import did_you_mean
from fundus_mtl.workflow._error import RefusedError


def find_files(names: str | Sequence[str] | None, folder: Path | None, kind: str) -> list[Path]:
    """Return the config files of an option.

    Args:
        names: One path, several separated by commas, or a list of paths.
        folder: Folder to search where a relative path does not exist from the working directory.
        kind: Kind of file, for the message.

    Raises:
        RefusedError: If there is no name, or a file does not exist.
    """
    if not names:
        raise RefusedError(f"no {kind} file was given; add --{kind}_file <bundle>/configs/train.yaml.")
    given = names.strip("[]").split(",") if isinstance(names, str) else names
    return [_find(str(name).strip(" '\""), folder, kind) for name in given]


def nearby(name: Any, folder: Path | None) -> Any:
    """Return the path in ``folder`` if it does not exist from the working directory; anything else unchanged."""
    if isinstance(name, str) and folder is not None and not Path(name).exists() and (folder / name).exists():
        return str(folder / name)
    return name


def _find(name: str, folder: Path | None, kind: str) -> Path:
    found = Path(nearby(name, folder))
    if found.is_file():
        return found
    siblings = [str(file) for file in found.parent.glob("*") if file.suffix in (".yaml", ".yml", ".json")]
    raise RefusedError(f"{name}: no such {kind} file{did_you_mean(str(found), siblings)}")


@contextmanager
def folders_may_differ() -> Iterator[None]:
    """Drop MONAI's warning about config files in several folders: `StrictWorkflow` takes the first one's on purpose."""
    log = logging.getLogger("monai.bundle.workflows")

    def other(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Not all config files are in")

    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)
