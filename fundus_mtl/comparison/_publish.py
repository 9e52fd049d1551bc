"""Write the figures of a comparison as files and as a page; photographs are sent to MLflow only with ``log_cases``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fundus_mtl.comparison._all_figures import all_figures
from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._planned_figure import DrawnFigure
from fundus_mtl.comparison._remarks import facts_of, remarks_of
from fundus_mtl.comparison._result_frames import ResultFrames
from fundus_mtl.files import write_whole

if TYPE_CHECKING:
    from fundus_mtl.comparison._parent_run import ComparisonRun

PAGE, FIGURES = "comparison.html", "figures"
_KEPT_BACK = "shows photographs, which were not sent, because log_cases is false; see the page in the output folder"


def publish(comparison: Comparison, frames: ResultFrames, fragment: str, parent_run: ComparisonRun) -> dict[str, Path]:
    """Draw the figures, write them and the page ``comparison.html``, and log them.

    Args:
        comparison: settings of the comparison.
        frames: all measurements.
        fragment: table as HTML.
        parent_run: MLflow run that the files are sent to.

    Returns:
        The files by name.
    """
    figures = all_figures(comparison, frames)
    files = write_figures(comparison.output_dir / FIGURES, figures)
    page = write_whole(comparison.output_dir / PAGE, page_of(comparison, frames, fragment, figures))
    shown = figures if comparison.log_cases else [_kept_back(figure) for figure in figures]
    sent = {_file_name(figure): files[_file_name(figure)] for figure in shown if isinstance(figure.picture, bytes)}
    with TemporaryDirectory() as folder:
        copy = write_whole(Path(folder) / PAGE, page_of(comparison, frames, fragment, shown))
        parent_run.log({PAGE: copy, **sent}, {}, {})
    return {PAGE: page, **files}


def page_of(comparison: Comparison, frames: ResultFrames, fragment: str, figures: Sequence[DrawnFigure]) -> str:
    """Return the page, which needs no other file."""
    from fundus_mtl.figures import comparison_page

    above, below = remarks_of(comparison, frames.trainings)
    return comparison_page(
        f"{Path(comparison.bundle).name}: {comparison.name}",
        fragment,
        [(figure.caption, figure.picture) for figure in figures],
        facts_of(comparison, frames.trainings),
        above=above[1:],  # the page has its own research-use notice
        below=below,
    )


def write_figures(folder: Path, figures: Sequence[DrawnFigure]) -> dict[str, Path]:
    """Write each picture as ``<name>.png``, remove those of earlier calls, and return the files by name."""
    files = {}
    for figure in figures:
        if isinstance(figure.picture, bytes):
            files[_file_name(figure)] = path = folder / Path(_file_name(figure)).name
            write_whole(path, figure.picture)
    for old in set(folder.glob("*.png")) - set(files.values()):
        old.unlink()
    return files


def _file_name(figure: DrawnFigure) -> str:
    return f"{FIGURES}/{re.sub(r'[^A-Za-z0-9_.-]', '_', figure.name)}.png"


def _kept_back(figure: DrawnFigure) -> DrawnFigure:
    return replace(figure, picture=_KEPT_BACK) if figure.of_cases else figure
