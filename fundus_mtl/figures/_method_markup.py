"""The table of a comparison as Markdown, LaTeX, HTML and CSV."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape as escape_html
from typing import TYPE_CHECKING, Any

from fundus_mtl.figures._method_text import comparison_text
from fundus_mtl.figures._templates import render
from fundus_mtl.files import csv_text, harmless, markdown_table

if TYPE_CHECKING:
    import pandas as pd

_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **{
        character: f"{{{character}}}" for character in "[]*"
    },  # at the start of a line, LaTeX would read them as arguments
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "Δ": r"$\Delta$"},
    **{"±": r"$\pm$", "↑": r"$\uparrow$", "↓": r"$\downarrow$"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"},
}
Mark = Callable[[str], str]


def comparison_markdown(table: pd.DataFrame, decimals: int = 3) -> str:
    """Return the numbers of `comparison_table` as Markdown: means, p-values, remarks."""
    cells, tests, title, remarks = _marked(table, decimals, _escape_markdown, lambda text: f"**{text}**")
    lists = "\n".join(f"- {remark}" for remark in remarks)
    return f"{_pipes(cells)}\n\n{title}:\n\n{_pipes(tests)}\n\n{lists}\n"


def comparison_latex(table: pd.DataFrame, decimals: int = 3) -> str:
    """Return the numbers of `comparison_table` as two LaTeX tabulars and remarks; requires the package booktabs."""
    cells, tests, title, remarks = _marked(table, decimals, _escape_latex, lambda text: f"\\textbf{{{text}}}")
    parts = [_tabular(cells), f"{title}:", _tabular(tests), *remarks]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def comparison_html(table: pd.DataFrame, decimals: int = 3) -> str:
    """Return the numbers of `comparison_table` as a fragment of HTML, without style or script."""
    text = comparison_text(table, decimals)
    return render(
        "comparison_table.html",
        means=_grid(text.cells, text.best.reindex(columns=text.cells.columns, fill_value=False)),
        tests=_grid(text.tests, text.best & False),
        tests_title=_line(text.tests_title),
        remarks=[_line(remark) for remark in text.remarks],
    )


def _grid(cells: pd.DataFrame, best: pd.DataFrame) -> tuple[list[str], list[tuple[str, list[tuple[str, bool]]]]]:
    """Return the columns of the template's table, and its rows: method, and a text with a flag per cell."""
    rows = zip(cells.index, cells.to_numpy().tolist(), best.to_numpy(dtype=bool).tolist(), strict=True)
    columns = [_line(name) for name in cells.columns]
    return columns, [(_line(method), [*zip(map(_line, texts), flags, strict=True)]) for method, texts, flags in rows]


def comparison_csv(table: pd.DataFrame) -> str:
    """Return all numbers of `comparison_table` unrounded, one row per method; no cell can start a formula."""
    flat = table.map(lambda value: _line(value) if isinstance(value, str) else value)
    flat.columns = [_line(" ".join(levels)) for levels in table.columns]
    flat.index = flat.index.map(lambda method: harmless(_line(method)))
    return csv_text(flat, index=True, index_label="method")


def _marked(
    table: pd.DataFrame, decimals: int, escape: Mark, bold: Mark
) -> tuple[pd.DataFrame, pd.DataFrame, str, list[str]]:
    """Return both tables, the title of the tests and the remarks in a markup language; every cell becomes one line."""
    text = comparison_text(table, decimals)

    def clean(value: Any) -> str:
        return escape(_line(value))

    def marked(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.map(clean).rename(index=clean, columns=clean).rename_axis(index=None, columns="method")

    cells, best = marked(text.cells), text.best.reindex(columns=text.cells.columns, fill_value=False)
    strong = cells.where(~best.to_numpy(dtype=bool), cells.map(bold))
    return strong, marked(text.tests), clean(text.tests_title), [clean(remark) for remark in text.remarks]


def _line(text: Any) -> str:
    return " ".join(str(text).split())


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*\[\]|])", r"\\\1", escape_html(text, quote=False))


def _escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _pipes(frame: pd.DataFrame) -> str:
    return markdown_table(["method", *frame.columns], [[str(name), *cells] for name, cells in frame.T.items()])


def _tabular(frame: pd.DataFrame) -> str:
    return frame.to_latex(escape=False, column_format="l" + "r" * len(frame.columns))
