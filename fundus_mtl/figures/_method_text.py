"""The table of a comparison as rounded text with remarks, without markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

_ARROWS = {"higher": "↑", "lower": "↓"}
_DELTAS = {"delta": "ΔT {} (%)", "delta_mtl": "Δ_MTL (%)"}
_UNKNOWN = "–"


class ComparisonText(NamedTuple):
    """Two tables of plain text, a flag for the best cells, the title of the tests, and remarks."""

    cells: pd.DataFrame
    best: pd.DataFrame
    tests: pd.DataFrame
    tests_title: str
    remarks: list[str]


def comparison_text(table: pd.DataFrame, decimals: int) -> ComparisonText:
    """Round the numbers of `comparison_table` for reading."""
    import pandas as pd

    columns: list[Any] = table.columns.tolist()
    metrics = {name: kind for kind, name, _ in columns if kind in _ARROWS}
    usual = max((int(table[kind, name, "n"].max()) for name, kind in metrics.items()), default=0)
    reference = next((name for kind, name, _ in columns if kind == "reference"), None)
    cells, best, tests, remarks = {}, {}, {}, _legend(usual)
    for name, kind in metrics.items():
        rows, title = _records(table, kind, name), f"{name} {_ARROWS[kind]}"
        cells[title] = [_mean(row, usual, decimals) for row in rows]
        best[title] = [bool(row["best"]) for row in rows]
        tests[title] = [_p_values(row, method == reference) for row, method in zip(rows, table.index, strict=True)]
        remarks += _notes(name, [str(row["test_reason"]) for row in rows], table.index)
    for kind, name, statistic in columns:
        column = table[kind, name, statistic]
        if kind == "ratio":
            cells[name] = [_number(value, ".2f") for value in column]
        elif kind in _DELTAS:
            cells[_DELTAS[kind].format(name)] = [_number(round(value, 1) + 0.0, "+.1f") for value in column]
            remarks += [f"ΔT and Δ_MTL: change against {name}, positive is better"] if kind == "delta_mtl" else []
    remarks += _notes("", table["note", "", "text"], table.index)
    frames = [pd.DataFrame(part, index=table.index) for part in (cells, best, tests)]
    tests_title = f"p against {reference or 'the best of each metric'}, Holm-corrected: paired t / Wilcoxon"
    return ComparisonText(frames[0], frames[1], frames[2], tests_title, remarks)


def _legend(usual: int) -> list[str]:
    """Return remarks on the meaning of the cells, and on tests with too few pairs to be significant."""
    legend = [f"mean ± standard deviation, n = {usual} pairs of fold and seed unless given; bold: best mean"]
    least = 2.0 ** (1 - usual)
    if usual > 1 and least > 0.05:
        legend.append(f"with {usual} pairs Wilcoxon's p cannot fall below {least:g}, even before correction")
    return legend


def _records(table: pd.DataFrame, kind: str, name: str) -> list[dict[str, Any]]:
    """Return the statistics of a metric, one dictionary per method."""
    kinds, names, statistics = (table.columns.get_level_values(level) for level in range(3))
    mine = (kinds == kind) & (names == name)
    records: list[Any] = table.loc[:, mine].set_axis(statistics[mine], axis=1).to_dict("records")
    return records


def _notes(about: str, notes: Iterable[str], methods: Iterable[str]) -> list[str]:
    """Return each note once, with the methods that it applies to."""
    methods_of: dict[str, list[str]] = {}
    for note, method in zip(notes, methods, strict=True):
        methods_of.setdefault(note, []).append(str(method))
    form = f"{about} ({{}}): {{}}" if about else "{}: {}"
    return [form.format(", ".join(names), note) for note, names in methods_of.items() if note]


def _mean(row: dict[str, Any], usual: int, decimals: int) -> str:
    spread = f" ± {row['std']:.{decimals}f}" if row["std"] == row["std"] else ""
    count = f" (n = {row['n']})" if 0 < row["n"] != usual else ""
    return f"{_number(row['mean'], f'.{decimals}f')}{spread}{count}"


def _p_values(row: dict[str, Any], is_reference: bool) -> str:
    if is_reference:
        return "reference"
    if row["best"] and row["test_n"] == 0:
        return "best"
    return " / ".join(_number(row[f"test_{test}_p_holm"], ".3f", 0.001) for test in ("t", "wilcoxon"))


def _number(value: float, form: str, least: float = 0.0) -> str:
    if value != value:
        return _UNKNOWN
    return f"<{least}" if 0 <= value < least else f"{value:{form}}"
