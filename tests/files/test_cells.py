"""Cells that a spreadsheet may read with commas, semicolons or tabs, and must never run."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundus_mtl.files import harmless

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    "text, safe",
    [
        ("=1+1", "'=1+1"),
        (";=cmd()", "';'=cmd()"),
        ("a;=cmd()", "a;'=cmd()"),
        ("a; \t=cmd()", "a; \t'=cmd()"),
        (" =cmd()", "' =cmd()"),
        ("\u00a0=cmd()", "'\u00a0=cmd()"),
        ('"=cmd()', "'\"=cmd()"),
        ("\ufeff@x", "'\ufeff@x"),
        (",=x", "',=x"),
        ("a\n-b", "a\n'-b"),
        ("\tx", "'\tx"),
        ("visit 1-2.png", "visit 1-2.png"),
        ("a;b", "a;b"),
        ("disc=ab;vessels=cd", "disc=ab;vessels=cd"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_by_hand(text, safe):
    assert harmless(text) == safe
    assert harmless(safe) == safe


def test_numbers_stay():
    assert (harmless(-1), harmless(None)) == (-1, None)


@given(st.text(alphabet=SIGNS + ";|\t\r\n \"',ab1\u00a0\ufeff", max_size=12), st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_starts_a_formula_however_the_table_is_split(text, separator):
    """Python's reader is the oracle: a spreadsheet of another locale splits at its own separator."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerow(["x", harmless(text), "y"])
    if separator == ",":
        cells = next(csv.reader(io.StringIO(table.getvalue(), newline="")))
    else:
        cells = [
            cell for row in csv.reader(io.StringIO(table.getvalue(), newline=""), delimiter=separator) for cell in row
        ]
        cells = cells[1:]  # the first one starts with x
    assert not any(cell.strip(' "\t\r\n\u00a0\ufeff').startswith(tuple(SIGNS)) for cell in cells)
