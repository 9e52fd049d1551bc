"""A note of the data files that a training has read, so that results of other data are not mixed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.files import file_sha256, write_whole

DATA_FILE = "data.json"
DATA_ITEMS = ("datalist",)  # items of a bundle whose value is a data file or None


class OtherDataError(ValueError):
    """A folder holds the results of other data."""


def note_data(folder: str | Path, files: Sequence[str | Path | None]) -> None:
    """Write the paths of a training's data files and their SHA-256 into its folder.

    The training's own process calls this, because only it can evaluate the expressions of its config. The note is not sent
    to MLflow.

    Args:
        folder: output folder of the training.
        files: data files, such as a datalist; None for data that are not read from a file.
    """
    known = {str(Path(file).resolve()): file_sha256(file) for file in files if file is not None}
    write_whole(Path(folder) / DATA_FILE, json.dumps(known, indent=2) + "\n")


def check_data(folder: Path, who: str) -> None:
    """Raise an error if a data file has changed since the training; a file that no longer exists is accepted.

    Args:
        folder: output folder of the training; nothing is checked if it has no note.
        who: name of the training, for the message.

    Raises:
        OtherDataError: if a file has changed; the message names folder and file.
    """
    note = folder / DATA_FILE
    if not note.is_file():
        return
    for file, sha256 in json.loads(note.read_text(encoding="utf-8")).items():
        if Path(file).is_file() and file_sha256(file) != sha256:
            where = "/".join(folder.parts[-3:])
            raise OtherDataError(
                f"{who}: expected the data that {where} was made with, but got a {Path(file).name} that has changed since; "
                "restore the old file, choose another output_dir, or remove that folder."
            )
