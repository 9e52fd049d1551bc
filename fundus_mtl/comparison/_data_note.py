"""Which data files a training has read, so that results of other data are not mixed in later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.files import file_sha256, write_whole

DATA_FILE = "data.json"
DATA_ITEMS = ("datalist",)  # items of a bundle that name such a file, or None


class OtherDataError(ValueError):
    """A folder holds the results of other data."""


def note_data(folder: str | Path, files: Sequence[str | Path | None]) -> None:
    """Write down, in a training's folder, where its data files are and the SHA-256 of each.

    The training itself does so: only it knows what the expressions of its config come to. The note stays on this machine.

    Args:
        folder: of the training.
        files: such as a datalist; None for data that are in no file.
    """
    known = {str(Path(file).resolve()): file_sha256(file) for file in files if file is not None}
    write_whole(Path(folder) / DATA_FILE, json.dumps(known, indent=2) + "\n")


def check_data(folder: Path, who: str) -> None:
    """Refuse results whose data files have changed; one that is gone refuses nothing, for the results are there still.

    Args:
        folder: of the training; nothing is checked without a note.
        who: made the results.

    Raises:
        OtherDataError: naming the folder and the file.
    """
    note = folder / DATA_FILE
    if not note.is_file():
        return

    for file, sha256 in json.loads(note.read_text(encoding="utf-8")).items():
        if Path(file).is_file() and file_sha256(file) != sha256:
            where = "/".join(folder.parts[-3:])
            raise OtherDataError(
                f"{who}: expected the data that {where} was made with, but got a {Path(file).name} that has changed since; "
                "bring the old file back, take another output_dir, or remove that folder."
            )
