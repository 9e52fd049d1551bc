"""Tables as grids of text, within bounds of time and memory."""

from __future__ import annotations

import time
import tracemalloc
import zipfile

import openpyxl
import pytest

from data_prep._columns import read_columns, read_number
from data_prep._grid import read_grids

NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_a_csv_in_every_common_writing(tmp_path, delimiter, begin):
    lines = [["a", "b b", ""], ["", "", ""], ['"1"', " 2.5 ", "3"]]
    path = tmp_path / "t.csv"
    path.write_text(begin + "\r\n".join(delimiter.join(line) for line in lines), encoding="utf-8")
    assert read_grids(path, "t") == {"t": [["a", "b b", ""], ["", "", ""], ["1", "2.5", "3"]]}


def test_every_sheet_of_a_workbook(tmp_path):
    path = workbook(tmp_path / "t.xlsx", first=[["x"]], second=[[], ["y", None, 1, 1.5, True], [None, "z"]])
    assert read_grids(path, "t") == {
        "t[first]": [["x"]],
        "t[second]": [[""] * 5, ["y", "", "1", "1.5", "True"], ["", "z", "", "", ""]],
    }


def packed(path, **parts):
    """A workbook some of whose parts are replaced."""
    workbook(path, s=[["x"]])
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            stem = name.rpartition("/")[2].partition(".")[0]
            archive.writestr(name, parts.get(stem, content))
    return path


def sheet(rows):
    return f"<worksheet {NAMESPACE}><sheetData>{rows}</sheetData></worksheet>"


BOMBS = {
    "blanks": ({"sheet1": sheet(" " * 100_000_000)}, "at most 2,000,000 unpacked bytes, but got 100,0"),
    "cells": ({"sheet1": sheet("<row><c><v>1</v></c></row>" * 1_000_000)}, "at most 2,000,000 unpacked bytes"),
    "rows": ({"sheet1": sheet("<row/>" * 300_000)}, "at most 20,000 rows, but got 20,001"),
    "columns": ({"sheet1": sheet("<row>" + "<c><v>1</v></c>" * 300 + "</row>")}, "at most 256 columns, but got 300"),
    "far row": ({"sheet1": sheet('<row r="1048576"><c r="A1048576"><v>1</v></c></row>')}, "at most 20,000 rows"),
    "far column": (
        {"sheet1": sheet('<row r="1"><c r="XFD1"><v>1</v></c></row>')},
        "at most 256 columns, but got 16,384",
    ),
    "styles": (
        {"styles": f"<styleSheet {NAMESPACE}><cellXfs>{'<xf/>' * 700_000}</cellXfs></styleSheet>"},
        "at most 300,000 bytes of styles",
    ),
    "entities": (
        {
            "sheet1": '<!DOCTYPE w [<!ENTITY a "'
            + "x" * 1000
            + '">'
            + "".join(f'<!ENTITY {b} "{f"&{a};" * 50}">' for a, b in ("ab", "bc", "cd", "de"))
            + f"]><worksheet {NAMESPACE}><sheetData><row><c t='str'><v>&e;</v></c></row></sheetData></worksheet>"
        },
        "expected a readable sheet",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_at_once(tmp_path, bomb):
    parts, message = BOMBS[bomb]
    path = packed(tmp_path / "b.xlsx", **parts)
    assert path.stat().st_size < 400_000
    tracemalloc.start()
    begin = time.process_time()
    with pytest.raises(ValueError, match=f"^b.xlsx: .*{message}"):
        read_grids(path, "b.xlsx")
    assert time.process_time() - begin < 10
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_a_long_csv_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 20_000)
    with pytest.raises(ValueError, match="at most 20,000 rows"):
        read_grids(tmp_path / "t.csv", "t")
    (tmp_path / "t.csv").write_bytes(b" " * 2_000_001)
    with pytest.raises(ValueError, match="at most 2,000,000 bytes"):
        read_grids(tmp_path / "t.csv", "t")


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04", b""])
def test_damaged_workbooks_are_one_sentence(tmp_path, content):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(ValueError, match=r"^t: expected a readable sheet, but got: .*; unpack it again\.$"):
        read_grids(tmp_path / "t.xlsx", "t")


@pytest.mark.parametrize("part", ["workbook", "sheet1", "styles"])
@pytest.mark.parametrize(
    "content", ["", "<a>", "<a/>", "\0", f"<worksheet {NAMESPACE}><sheetData><row r='x'/></sheetData>"]
)
def test_damaged_parts_are_one_sentence(tmp_path, part, content):
    path = packed(tmp_path / "t.xlsx", **{part: content})
    found = ""
    try:
        read_grids(path, "t")
    except ValueError as error:
        found = str(error)
    assert not found or found.startswith("t: expected a readable sheet, but got: ")


def test_a_part_that_unpacks_to_more_than_it_declares_is_refused(tmp_path):
    path = packed(tmp_path / "t.xlsx", sheet1=sheet("<row/>" + " " * 3_000_000))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        true = next(part.file_size for part in archive.infolist() if part.filename.endswith("sheet1.xml"))
    packed_size, declared = true.to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert content.count(packed_size) == 2
    path.write_bytes(bytes(content).replace(packed_size, declared))
    with pytest.raises(ValueError, match="t: expected a readable sheet"):
        read_grids(path, "t")


def test_other_encodings_are_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes("image,Bemerkung\nä,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="t: expected a CSV in UTF-8, but got another encoding; save it as UTF-8"):
        read_grids(tmp_path / "t.csv", "t")


def test_a_formula_without_its_result_is_refused(tmp_path):
    path = workbook(tmp_path / "t.xlsx", s=[["Label"], [1], ["=A2"]])
    with pytest.raises(ValueError, match=r"t\[s\], row 3: expected a value, but got a formula without its result"):
        read_grids(path, "t")


def test_columns_below_titles_and_between_blank_rows(tmp_path):
    (tmp_path / "t.csv").write_text("Our table;;\n;;\n More ; B ;a\n;;\n1;2;3\n\n4;5;6\n;;\n")
    assert read_columns(tmp_path / "t.csv", ("a", "b"), ("c",)) == [
        ("t.csv, row 5", {"a": "3", "b": "2"}),
        ("t.csv, row 7", {"a": "6", "b": "5"}),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,x\n1,2\n", r"t.csv: expected the columns \['a', 'b'\] in the header, but got \['a', 'x'\]; rename"),
        ("a,b,A\n1,2,3\n", r"t.csv: expected each column once, but got \['a'\] again"),
        ("a,b\n,\n", "t.csv: expected rows below the header, but got none"),
        ("", r"but got \[\]"),
        ('a,b\n"1,2\n', "t.csv: expected a readable sheet, but got"),
    ],
)
def test_columns_that_cannot_be_told(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_columns(tmp_path / "t.csv", ("a", "b"))


def test_numbers():
    assert [read_number(cell, "x") for cell in ("1", "-2.5", "1e3")] == [1, -2.5, 1000]
    assert all(read_number(cell, "x") != read_number(cell, "x") for cell in ("", "NaN", "n/a", "-", "NULL"))
    for cell in ("1,5", "1.203,5", "inf", "left", "1e999"):
        with pytest.raises(ValueError, match=f"expected x as a number with a decimal point, but got '{cell}'"):
            read_number(cell, "expected x as")
