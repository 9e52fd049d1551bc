"""Cells, files, and the page that a person opens."""

from __future__ import annotations

import csv
import errno
import io
import os
import re

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.notices import DISCLAIMER
from fundus_mtl.results import (
    Column,
    Cup,
    Disc,
    Fovea,
    Glaucoma,
    Measure,
    ModelCard,
    OutputError,
    Shown,
    cell,
    table,
    write_output,
)
from fundus_mtl.results import render_report as render
from fundus_mtl.results._entry import Entry
from fundus_mtl.results._picture_paths import thumbnail_path
from fundus_mtl.results._pictures import thumbnail
from fundus_mtl.results._report import report_pieces
from fundus_mtl.results._report_histogram import histogram_plot
from fundus_mtl.results._report_templates import template
from fundus_mtl.results._which_eye import laterality_in_name
from tests.biomarkers.fundus_drawings import fundus

from .conftest import COLUMNS, LAYOUT

data_dictionary = LAYOUT.data_dictionary

RUN = {
    "model": {"id": "toy", "sha256": "ab"},
    "config_sha256": "cd",
    "software_version": "1.2.3",
    "counts": {"ok": 2, "failed": 1},
}
ROWS = [
    {
        "image_id": "a/<b>.png",
        "status": "ok",
        "vcdr": 0.512,
        "flags": "",
        "width_px": 20,
        "height_px": 10,
        "laterality": "R",
    },
    {"image_id": "c.png", "status": "ok", "vcdr": float("nan"), "flags": "disc_missing", "laterality": "unknown"},
    {"image_id": "d.png", "status": "failed", "status_reason": "no <picture>"},
]


def render_report(rows, thumbnails, run):
    return render(rows, thumbnails, run, LAYOUT.shown)


@pytest.mark.parametrize(
    "value, text",
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (0.0, "0"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1234567.0, "1234567"),
        (2.6500004, "2.65"),
        (-7.25, "-7.25"),
        (100, "100"),
        ("=1+1", "'=1+1"),
        ("-3.png", "'-3.png"),
        ("\tx", "'\tx"),
        ("＝x", "'＝x"),
        ("a=b", "a=b"),
        (True, "yes"),
        (False, "no"),
        ("", ""),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_name_comes_back_from_a_table(name):
    (row,) = csv.DictReader(
        io.StringIO(table((Column("name", "", ""), Column("b", "", "")), [{"name": name}]), newline="")
    )
    assert row["name"] in (name, f"'{name}")
    assert not row["name"].startswith(("=", "+", "-", "@"))
    assert row["b"] == ""


def test_a_column_that_the_table_has_not_is_refused():
    with pytest.raises(ValueError, match="typo"):
        table(COLUMNS, [{"typo": 1}])


def test_every_column_and_file_has_a_meaning():
    entries = list(csv.DictReader(io.StringIO(data_dictionary())))
    assert [entry["column"] for entry in entries[: len(COLUMNS)]] == [column.name for column in COLUMNS]
    assert all(entry["meaning"] for entry in entries)
    assert "0 cup, 128 rim of the disc, 255 background" in data_dictionary()
    for entry in entries:
        unit = re.search(r"_(px|deg|dd|s|mm|mm2)$", entry["column"])
        assert unit is None or entry["unit"].startswith(
            {"deg": "degrees", "dd": "disc diameters", "mm2": "mm²"}.get(unit[1], unit[1])
        )


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "sub/x.csv"
    write_output(path, "é")
    assert path.read_bytes() == "é".encode()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_output(path, "longer than before")
    assert [file.name for file in path.parent.iterdir()] == ["x.csv"]
    assert path.read_bytes() == "é".encode()


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path, seen = tmp_path / "x.csv", []
    write_output(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_text()))
    write_output(path, "new")
    assert (seen, path.read_text()) == (["old"], "new")


def test_a_file_whose_pieces_fail_is_not_there(tmp_path):
    def pieces():
        yield "first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_output(tmp_path / "x.csv", pieces())
    assert list(tmp_path.iterdir()) == []
    write_output(tmp_path / "x.csv", iter(["a", "é"]))
    assert (tmp_path / "x.csv").read_text(encoding="utf-8") == "aé"


@pytest.mark.parametrize("name", ["file/x.csv", "file/sub/x.csv", "x" * 300])
def test_a_name_that_is_impossible_is_not_the_outputs_fault(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"File exists|Not a directory|File name too long"):
        write_output(tmp_path / name, "")


def test_a_read_only_output_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(type(tmp_path), "open", refuse)
    with pytest.raises(OutputError, match="^expected to write the results, but got 'Permission denied'; ") as caught:
        write_output(tmp_path / "x.csv", "")
    assert str(tmp_path) not in str(caught.value)


def test_the_report_needs_nothing_else():
    html = render_report(ROWS, {"a/<b>.png": b"jpeg"}, RUN)
    assert not re.search(r"https?://|<link|@import|url\(", html)
    assert "default-src 'none'" in html
    assert DISCLAIMER in html
    assert "data:image/jpeg;base64,anBlZw==" in html
    assert "$" not in html


def test_the_report_shows_each_row_with_its_state():
    html = render_report(ROWS, {}, RUN)
    body = html[html.index("<tbody>") : html.index("</tbody>")]
    assert re.findall(r'<tr data-status="(\w+)" data-flagged="(\d)">', body) == [
        ("ok", "0"),
        ("ok", "1"),
        ("failed", "0"),
    ]
    assert [re.findall("<td", row) for row in body.split("<tr")[1:]] == [["<td"] * 9] * 3
    assert html[: html.index("<tbody>")].count("<th>") == 9
    assert "&lt;b&gt;.png" in body
    assert "no &lt;picture&gt;" in body
    assert "<picture>" not in body
    assert body.count('href="overlays/') == 2  # none for the failed one
    assert 'href="overlays/a/%3Cb%3E.png.jpg"' in body
    assert '<td data-key="0.512">0.51</td>' in body
    assert "nan" not in body
    assert "<b>0.51</b><span>median vCDR</span>" in html


def test_many_pictures_are_files_beside_the_report():
    entries = [Entry(dict(ROWS[0]), files=("overlays/a.jpg",), thumbnail=b"one"), Entry(dict(ROWS[2]))]
    html = "".join(report_pieces(lambda: entries, RUN, LAYOUT.shown, outside=True))
    assert "data:image/jpeg" not in html
    assert html.count('src="thumbnails/000/000000.jpg"') == 1
    assert html.count("<img loading") == 1
    assert thumbnail_path(12_345) == "thumbnails/012/012345.jpg"


def test_rows_of_later_pages_are_not_part_of_the_table(monkeypatch):
    monkeypatch.setattr("fundus_mtl.results._report.PAGE", 2)
    html = render_report(ROWS, {}, RUN)
    table, rest = html[html.index("<tbody>") : html.index("</tbody>")], html[html.index('<template id="rest">') :]
    assert (table.count("<tr "), rest[: rest.index("</template>")].count("<tr ")) == (2, 1)
    assert "<template" not in render_report(ROWS[:2], {}, RUN)


def test_the_report_has_the_notes_and_cards_of_the_models():
    cards = [{"id": "eyes", "note": "Phantoms <1>, not patients.", "text": "# Card\n<script>x</script>"}]
    html = render_report(ROWS, {}, RUN | {"cards": [*cards, {"id": "mine", "note": None, "text": ""}]})
    assert '<p class="notice">Note on eyes: Phantoms &lt;1&gt;, not patients.</p>' in html
    assert "<summary>Model card: eyes</summary><pre># Card\n&lt;script&gt;x&lt;/script&gt;</pre>" in html
    assert "No model card came with the weights of mine." in html
    assert html.count("Note on") == 1


def test_a_card_is_found_beside_the_weights_or_in_the_bundle(tmp_path):
    weights = tmp_path / "eyes" / "models" / "model.pt"
    weights.parent.mkdir(parents=True)
    assert ModelCard.beside(weights, "eyes", "a note") == ModelCard("eyes", "a note", "")
    (tmp_path / "eyes" / "docs").mkdir()
    (tmp_path / "eyes" / "docs" / "README.md").write_text("of the bundle")
    assert ModelCard.beside(weights, "eyes").text == "of the bundle"
    weights.with_name("card.md").write_text("of the weights")
    assert ModelCard.beside(weights, "eyes").text == "of the weights"


def test_headings_in_style_sheets_cannot_end_their_text():
    shown = [Shown("vcdr", 'a"; } </style>é', unit="µm")]
    html = "".join(report_pieces(list, RUN, shown))
    escaped = r"a\000022\00003b \00007d \00003c\00002fstyle\00003e\0000e9 (\0000b5m)"
    assert f'td:nth-child(4)::before {{ content: "{escaped}"; }}' in html
    assert 'data-unit="µm"' in html


def test_a_stopped_run_says_so():
    html = render_report([], {}, RUN | {"state": "stopped", "reason": "OutputError: <full>"})
    assert "This run was stopped before its end: OutputError: &lt;full&gt;" in html
    assert "None was measured" in html


def test_words_that_must_not_be_said():
    html = render_report(ROWS, {}, RUN).replace(DISCLAIMER, "")
    assert not re.search(r"diagnos|detect|screen(s|ing)\b", html + data_dictionary(), re.IGNORECASE)


def test_histogram_counts():
    svg = template("report_histogram.svg").render(plot=histogram_plot([0.0, 0.049, 0.05, 0.51, 1.0], "ratios"))
    assert re.findall(r"<title>(.*?)</title>", svg) == [
        "0.00 to 0.05: 2",
        "0.05 to 0.10: 1",
        "0.50 to 0.55: 1",
        "0.95 to 1.00: 1",
    ]
    heights = [float(height) for height in re.findall(r'height="([\d.]+)" rx', svg)]
    assert heights == [2 * heights[1], heights[1], heights[1], heights[1]]
    assert histogram_plot([], "ratios") is None


@pytest.mark.parametrize(
    "name, eye",
    [
        ("a/0017_OS.jpg", "L"),
        ("OD-17.png", "R"),
        ("17 Right.tif", "R"),
        ("left eye 2.png", "L"),
        ("OS/17.png", "unknown"),
        ("bodil.png", "unknown"),
        ("OD_OS.png", "unknown"),
        ("17_R.png", "unknown"),
    ],
)
def test_laterality_in_names(name, eye):
    assert laterality_in_name(name) == eye


PICTURE, _ = fundus(340, 400, 160)


def eye_of(fovea_x: float, name: str) -> dict[str, object]:
    disc = np.zeros((340, 400), np.uint8)
    disc[160:184, 190:210] = 1
    sample = {"pred_disc": disc[None], "pred_fovea": np.array([fovea_x, 171.5])}
    return Measure([Disc("disc"), Fovea("fovea")])(PICTURE, sample, relpath=name).columns


def test_laterality_from_the_name_then_from_the_disc():
    for fovea_x, name, eye, source, flags in (
        (139.5, "x.png", "R", "predicted", ""),  # the disc lies right of the fovea: a right eye
        (259.5, "x.png", "L", "predicted", ""),
        (259.5, "x_OS.png", "L", "filename", ""),
        (259.5, "x_OD.png", "R", "filename", "laterality_conflict"),
        (float("nan"), "x_OD.png", "R", "filename", "fovea_missing"),
        (float("nan"), "x.png", "unknown", None, "fovea_missing"),
    ):
        columns = eye_of(fovea_x, name)
        assert (columns["laterality"], columns["laterality_source"], columns["flags"]) == (eye, source, flags)


def test_a_disc_with_specks_and_a_cup_outside_it():
    disc, cup = np.zeros((1, 340, 400), bool), np.zeros((1, 340, 400), bool)
    disc[0, 110:134, 108:128], disc[0, 150, 190], disc[0, 120, 112] = True, True, False
    cup[0, 116:128, 113:123], cup[0, 150:152, 150:152] = True, True
    found = Measure([Disc("disc"), Cup("cup")])(PICTURE, {"pred_disc": disc, "pred_cup": cup})
    pictures = [one.pictures(found.findings) for one in found.contributions]
    (png,) = (picture["masks"] for picture in pictures if "masks" in picture)
    codes = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert ((codes < 255).sum(), (codes == 0).sum()) == (480, 120)
    assert (found.masks["disc"].sum(), found.masks["cup"].sum()) == (480, 120)
    assert found.columns["vcdr"] == 0.5


def test_a_score_that_is_not_a_number():
    found = Measure([Glaucoma("glaucoma")])(PICTURE, {"pred_glaucoma": np.array([np.nan])}).columns
    assert (found["flags"], found["status_reason"]) == ("score_missing", "no glaucoma score")


def test_a_thumbnail_shows_the_disc_beside_the_whole():
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 180:200] = 255
    disc = picture[..., 0] > 0
    small = thumbnail(picture, disc)
    assert small.shape[0] == 84
    assert (small[:, 168:] > 128).mean() > 0.25  # the disc fills a good part of its window, also at the frame's edge
    assert thumbnail(picture, None).shape == (84, 168, 3)
    assert thumbnail(picture, np.zeros_like(disc)).shape == (84, 168, 3)
