"""Write docs/data_dictionary.md: every column and key that the commands write.

python -m docs.pages.data_dictionary
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docs.pages import case_columns, json_keys
from docs.pages.json_keys import Entry
from fundus_mtl.files import markdown_table
from fundus_mtl.metrics import summarise_av
from fundus_mtl.results import (
    FAILURE_COLUMNS,
    ArteryVein,
    Cup,
    Disc,
    Fovea,
    Glaucoma,
    Layout,
    Measure,
    Quality,
    Vessel,
)

PAGE = Path(__file__).resolve().parents[1] / "data_dictionary.md"
ROLES = (
    *(Disc("disc"), Cup("cup"), Fovea("fovea"), Glaucoma("glaucoma")),
    *(ArteryVein("artery_vein"), Vessel("vessel"), Quality("quality")),
)
_HEAD = """# Data dictionary

Every column and key that the commands write, with its unit. This page is made from the code by `python -m
docs.pages.data_dictionary`; a test compares them. Every folder of results has a `data_dictionary.csv` with the columns
of that run.

**Missing values.** An unknown value is an empty cell in CSV, and `null` or an absent key in JSON. There are no sentinel
values: 0 and -1 are measurements. The column `status_reason` says why a value is missing. A number of a row whose
`status` is `failed` must not be used. An empty unit means text, or a number without unit. Positions are in pixels of
the upright photograph, (0, 0) is the centre of the top-left pixel.
"""


def layout() -> Layout:
    """Return what a folder run with every role writes."""
    return Layout.of(Measure(ROLES))


def page() -> str:
    """Return the page as Markdown."""
    found = layout()
    files = [(name, unit, meaning) for name, unit, meaning in _entries(found.data_dictionary())]
    columns = [tuple(column) for column in found.columns]
    parts = [
        _HEAD,
        _section("Folder run: `results.csv`, `results.jsonl`", "column", columns, _RESULTS),
        _section("Folder run: `failures.csv`", "column", [tuple(column) for column in FAILURE_COLUMNS]),
        _section("Folder run: other files", "file", files[len(columns) :]),
        _section("Folder run: `run.json`", "key", json_keys.RUN, _DOTS),
        _section("Evaluation: `per_case.csv`, every bundle", "column", case_columns.COMMON),
        _section("Evaluation: `per_case.csv` of refuge_mtl and refuge_disc_mtl", "column", case_columns.REFUGE),
        _section("Evaluation: `per_case.csv` of hrf_av_mtl", "column", artery_vein_columns()),
        _section("Evaluation: `per_case.csv` of digits_mtl", "column", case_columns.CLASSES),
        _section("Evaluation: `summary.csv`, `summary_by_source.csv`", "column", json_keys.SUMMARY, _BY_SOURCE),
        _section("Training: `recipe.json` beside the weights", "key", json_keys.RECIPE, _DOTS),
        _section("Training: `cost.json`", "key", json_keys.COST),
        _section("Comparison: `trainings.csv`", "column", json_keys.TRAININGS),
        _section("Comparison: other tables", "file", json_keys.OTHER_TABLES),
    ]
    return "\n".join(parts).rstrip() + "\n"


_RESULTS = (
    "One row per photograph. Columns of roles that a model does not have are absent or empty: this list has those of all "
    "roles."
)
_DOTS = "`a.b` is the key `b` in the object `a`, `a[].b` the same in each object of a list, `a.*` any key of `a`."
_BY_SOURCE = "`summary_by_source.csv` has the column `source` in addition."


def artery_vein_columns() -> list[Entry]:
    """Return the columns of the artery/vein evaluation, with the definitions of its summary."""
    import pandas as pd

    measures = summarise_av(pd.DataFrame({"id": []}), n=0)
    rows = zip(measures["metric"], measures["definition"], strict=True)
    return [(metric, "0 to 1", definition.removeprefix("mean ")) for metric, definition in rows]


def _entries(table: str) -> Iterable[list[str]]:
    import csv

    return list(csv.reader(table.splitlines()))[1:]


def _section(title: str, first: str, entries: Iterable[Iterable[str]], above: str = "") -> str:
    rows = [[f"`{name}`", _cell(unit), _cell(meaning)] for name, unit, meaning in entries]
    return "\n".join(
        [f"## {title}", "", *([above, ""] if above else []), markdown_table((first, "unit", "meaning"), rows), ""]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
