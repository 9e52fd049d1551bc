"""The output folder: no file of another program is overwritten, and no two runs are mixed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fundus_mtl.files import is_part
from fundus_mtl.notices import SOFTWARE
from fundus_mtl.results._exported import plain_folders
from fundus_mtl.results._native_names import portable
from fundus_mtl.results._output_errors import OutputError, OutputRefusedError, output_errors
from fundus_mtl.results._picture_places import folded, is_kept
from fundus_mtl.results._run_record import identity
from fundus_mtl.results._source_file import FileState, file_state

TABLES = ("results.csv", "results.jsonl", "failures.csv", "data_dictionary.csv", "report.html")
RUN, JOURNAL = "run.json", "journal.jsonl"
_MAX_RECORD = 2**26  # bytes


class Earlier(NamedTuple):
    """What is in an output folder before a run starts.

    Args:
        resumed: Whether there is a run to resume.
        folders: Names of the folders of pictures that it wrote.
    """

    resumed: bool = False
    folders: tuple[str, ...] = ()


def check_output(
    output_dir: Path, input_dir: str | Path | None, run: Mapping[str, Any], resume: bool, overwrite: bool
) -> Earlier:
    """Raise an error if results would be mixed with photographs or with another run. Nothing is changed.

    Args:
        output_dir: Folder that results are to go to.
        input_dir: Folder or list of the photographs.
        run: Record of the run that is about to start.
        resume: Whether to resume a run of the same model, configuration and tasks.
        overwrite: Whether to replace an earlier run's results.

    Raises:
        OutputRefusedError: If it is the input folder; or holds, under a name that results get, something that is not an
            earlier run's, or results of another run without ``overwrite``, or of the same one without either option.
        OutputError: If the system refuses the folder's name, for instance because it is too long.
    """
    with output_errors():
        earlier = read_record(output_dir)
        before = _folders(earlier)
        names = (*dict.fromkeys((*run["folders"], *before)), *TABLES, JOURNAL, RUN)
        _refuse_place(output_dir, input_dir, names)
        found = [name for name in names if (output_dir / name).exists()]
    if not found:
        return Earlier()
    if not (overwrite or resume):
        raise OutputRefusedError(
            f"expected an output folder without results, but got {', '.join(found)} in {output_dir.name!r}; "
            "choose another, or set resume or overwrite to True."
        )
    if earlier is None:
        raise OutputRefusedError(
            f"expected results of an earlier run, but got {', '.join(found)} in {output_dir.name!r} "
            f"without a {RUN} of {SOFTWARE}; choose another folder."
        )
    if overwrite:
        return Earlier(False, before)
    now, then = identity(run), identity(earlier)
    if other := [what.replace("_", " ") for what in now if now[what] != then[what]]:
        raise OutputRefusedError(
            f"expected results of the same run to resume, but got another {', '.join(other)} in {output_dir.name!r}; "
            "repeat the first command, choose another folder, or set overwrite to True."
        )
    return Earlier(True, before)


def holds_run(output_dir: Path) -> bool:
    """Return whether a run of this software has written to a folder."""
    return read_record(output_dir) is not None


def files_state(output_dir: Path) -> list[FileState | None]:
    """Return what differs after a run has written its record or its journal."""
    return [file_state(output_dir / name) for name in (RUN, JOURNAL)]


def clear_output(output_dir: Path, folders: Iterable[str]) -> None:
    """Remove an earlier run's results, and only those; call after `check_output`.

    Args:
        output_dir: Folder of the run.
        folders: Names of the folders of pictures in it.

    Raises:
        OutputError: If they cannot be removed.
    """
    _remove_parts(output_dir)
    try:
        for name in folders:
            if (output_dir / name).exists():
                shutil.rmtree(output_dir / name)
        for name in TABLES:
            (output_dir / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"expected to overwrite earlier results, but got {error.strerror!r}; choose another folder."
        ) from error


def sweep_output(output_dir: Path, folders: Iterable[str], files: Collection[str]) -> None:
    """Remove what a killed run left unfinished, and pictures that no finished photograph has.

    Args:
        output_dir: Folder of the run.
        folders: Names of the folders of pictures in it.
        files: Files to keep, relative to the folder of the run.

    Raises:
        OutputError: If it cannot be removed.
    """
    kept, kept_folded = set(files), {folded(file) for file in files}
    _remove_parts(output_dir)
    with output_errors():
        for folder in folders:
            # deepest first, so that folders are empty by then
            for path in sorted((output_dir / folder).rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif not is_kept(output_dir, portable(path.relative_to(output_dir).as_posix()), kept, kept_folded):
                    path.unlink()


def _refuse_place(output_dir: Path, input_dir: str | Path | None, names: Iterable[str]) -> None:
    if input_dir is not None and output_dir.resolve() == Path(input_dir).resolve():
        raise OutputRefusedError("expected an output folder of its own, but got the input folder; choose another.")
    if output_dir.exists() and not output_dir.is_dir():
        raise OutputRefusedError(
            f"expected an output folder, but got {output_dir.name!r}, which is a file; choose another."
        )
    if linked := [name for name in names if (output_dir / name).is_symlink()]:
        raise OutputRefusedError(
            f"expected an output folder without links, but got {', '.join(linked)}; choose another."
        )


def _remove_parts(output_dir: Path) -> None:
    """Remove partly written files beside the folders of pictures, which a killed run left."""
    with output_errors():
        for path in output_dir.iterdir():
            if is_part(path):
                path.unlink()


def _folders(record: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the folders that a record names, if they are plain names: they may be removed."""
    names = (record or {}).get("folders")
    return plain_folders(names) if isinstance(names, list) else ()


def read_record(output_dir: Path) -> dict[str, Any] | None:
    """Return ``run.json`` of a folder; None if no run of this software has written to it."""
    path = output_dir / RUN
    try:
        if not path.is_file():  # a link to a device would never end
            return None
        with path.open("rb") as file:
            record = json.loads(file.read(_MAX_RECORD).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and record.get("software") == SOFTWARE else None
