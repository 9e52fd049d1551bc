"""The folder that results go to: nobody's files are overwritten or mixed with an earlier run's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.files import is_part
from fundus_mtl.notices import SOFTWARE
from fundus_mtl.results._output_errors import OutputError, output_errors
from fundus_mtl.results._picture_paths import FOLDERS
from fundus_mtl.results._run_record import identity

TABLES = ("results.csv", "results.jsonl", "failures.csv", "data_dictionary.csv", "report.html")
RUN, JOURNAL = "run.json", "journal.jsonl"
_NAMES = (*FOLDERS, *TABLES, JOURNAL, RUN)


def check_output(
    output_dir: Path, input_dir: str | Path | None, run: Mapping[str, Any], resume: bool, overwrite: bool
) -> bool:
    """Refuse an output folder that would mix results with photographs or with another run. Nothing is changed.

    Args:
        output_dir: that results are to go to.
        input_dir: of the photographs.
        run: the record of the run that is about to start.
        resume: whether to go on with results of the same model, configuration and tasks.
        overwrite: whether to replace an earlier run's results.

    Returns:
        Whether there is a run to go on with.

    Raises:
        ValueError: if it is the input folder; or holds, under a name that results get, what is not an earlier run's, or
            results of another run without ``overwrite``, or of the same one without ``resume`` or ``overwrite``.
    """
    _refuse_place(output_dir, input_dir)
    found = [name for name in _NAMES if (output_dir / name).exists()]
    if not found:
        return False
    if not (overwrite or resume):
        raise ValueError(
            f"expected an output folder without results, but got {', '.join(found)} in {output_dir.name!r}; "
            "choose another, or set resume or overwrite to True."
        )
    earlier = _record(output_dir / RUN)
    if earlier is None:
        raise ValueError(
            f"expected results of an earlier run, but got {', '.join(found)} in {output_dir.name!r} "
            f"without a {RUN} of {SOFTWARE}; choose another folder."
        )
    if overwrite:
        return False
    now, then = identity(run), identity(earlier)
    if other := [what.replace("_", " ") for what in now if now[what] != then[what]]:
        raise ValueError(
            f"expected results of the same run to go on with, but got another {', '.join(other)} in {output_dir.name!r}; "
            "repeat the first command, choose another folder, or set overwrite to True."
        )
    return True


def clear_output(output_dir: Path) -> None:
    """Remove an earlier run's results, and only those; call after `check_output`.

    Raises:
        OutputError: if they cannot be removed.
    """
    _remove_parts(output_dir)
    try:
        for name in FOLDERS:
            if (output_dir / name).exists():
                shutil.rmtree(output_dir / name)
        for name in TABLES:
            (output_dir / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"expected to overwrite earlier results, but got {error.strerror!r}; choose another folder."
        ) from error


def sweep_output(output_dir: Path, files: Collection[str]) -> None:
    """Remove what a killed run left unfinished, and pictures that no finished photograph has.

    Args:
        output_dir: of the run.
        files: to keep, relative to it.

    Raises:
        OutputError: if it cannot be removed.
    """
    kept = set(files)
    _remove_parts(output_dir)
    with output_errors():
        for folder in FOLDERS:
            # deepest first, so that folders are empty by then
            for path in sorted((output_dir / folder).rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path.relative_to(output_dir).as_posix() not in kept:
                    path.unlink()


def _refuse_place(output_dir: Path, input_dir: str | Path | None) -> None:
    if input_dir is not None and output_dir.resolve() == Path(input_dir).resolve():
        raise ValueError("expected an output folder of its own, but got the input folder; choose another.")
    if output_dir.exists() and not output_dir.is_dir():
        raise ValueError(f"expected an output folder, but got {output_dir.name!r}, which is a file; choose another.")
    if linked := [name for name in _NAMES if (output_dir / name).is_symlink()]:
        raise ValueError(f"expected an output folder without links, but got {', '.join(linked)}; choose another.")


def _remove_parts(output_dir: Path) -> None:
    """Remove what a killed run left of files that lie beside the folders of pictures."""
    with output_errors():
        for path in output_dir.iterdir():
            if is_part(path):
                path.unlink()


def _record(run: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("software") == SOFTWARE else None
