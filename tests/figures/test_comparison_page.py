"""The page of a comparison: whole, escaped, and on its own."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from PIL import Image

from fundus_mtl.figures import comparison_html, comparison_table
from fundus_mtl.figures._comparison_page import comparison_page
from fundus_mtl.notices import DISCLAIMER

NASTY = "<script>alert(\"1\")</script> & $title 'quoted'"
VOID = {"meta", "img", "br", "link", "hr"}


def picture(size=(300, 150)):
    stream = io.BytesIO()
    Image.new("RGB", size, (0, 90, 160)).save(stream, format="PNG")
    return stream.getvalue()


class Page(HTMLParser):
    """Read a page; complain where an element is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag):
        return [data for name, data in self.words if name == tag and data.strip()]


def table():
    rows = [{"method": m, "fold": 0, "seed": s, "dice": 0.8 + 0.1 * s} for m in ("joint", NASTY) for s in (0, 1)]
    return comparison_html(comparison_table(pd.DataFrame(rows), {"dice": "higher"}))


def page(**given):
    figures = [("Learning curves. Mean of 3 seeds", picture()), (NASTY, picture((31, 60))), ("ROC. Nothing", None)]
    given = {"title": "A & B", "table_html": table(), "figures": figures, "facts": {"data": "phantoms"}} | given
    return comparison_page(**given)


def test_everything_is_there_in_order():
    read = Page(page())
    assert read.text("title") == read.text("h1") == ["A & B"]
    assert [text.strip() for text in read.text("h2")] == ["Table", "Figures", "How it was made"]
    assert [text.strip() for text in read.text("h3")] == [
        "Figure 1: Learning curves", f"Figure 2: {NASTY}", "Figure 3: ROC",
    ]  # fmt: skip
    assert read.text("figcaption") == ["Mean of 3 seeds", "Nothing"]
    assert read.text("dt") + read.text("dd") == ["data", "phantoms"]
    assert DISCLAIMER in read.text("p")
    assert "Nothing was measured that this figure could show." in read.text("p")


def test_pictures_are_inside_in_their_size():
    first, second = Page(page()).all("img")
    head, _, coded = first["src"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(coded) == picture()
    assert (first["width"], first["height"]) == ("192", "96")  # 150 dpi of the figure, 96 of the page
    assert first["style"] == "max-width: min(100%, 192px)"
    assert first["alt"] == "Learning curves. Mean of 3 seeds"
    assert second["alt"] == NASTY
    assert (second["width"], second["height"]) == ("20", "38")


def test_nothing_is_reached_for_and_no_script_runs():
    text = page(title=NASTY, facts={NASTY: NASTY})
    read = Page(text)
    assert not read.all("script")
    assert not read.all("link")
    assert not re.search(r"https?://|//\w|url\(|@import|\son\w+=", re.sub(r"base64,[^\"]*", "", text))
    policy = next(meta["content"] for meta in read.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert read.text("h1") == read.text("dt") == read.text("dd") == [NASTY]  # a dollar is no placeholder either


def test_every_link_has_its_place():
    read = Page(page())
    places = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(places) == len(set(places))
    assert {"table", "figures", "facts", "figure-1", "figure-2", "figure-3"} <= set(places)
    assert {link["href"] for link in read.all("a")} <= {f"#{place}" for place in places}


def test_every_table_scrolls_by_itself():
    text = page()
    assert len(Page(text).all("table")) == 2
    assert text.count('class="scroll"') == 2
    for before in re.findall(r"(<[^<]*>)<table", text):
        assert 'tabindex="0"' in before  # by keyboard too
    assert "@media print" in text
    assert "color-scheme" in text


def test_why_there_is_no_picture_and_what_to_know():
    failed = [("ROC. y", f"could not be drawn: {NASTY}")]
    text = page(figures=failed, above=[NASTY, "first"], below=["last"])
    read = Page(text)
    assert not read.all("img")
    assert f"could not be drawn: {NASTY}" in read.text("p")
    assert read.text("figcaption") == ["y"]
    assert [words for words in read.text("li") if words in (NASTY, "first", "last")] == [NASTY, "first", "last"]
    assert text.index(">first<") < text.index("<table") < text.rindex("</table>") < text.index(">last<")
    assert 'class="remarks"' not in page()


def test_without_figures_and_facts():
    read = Page(page(figures=[], facts={}, table_html="<p>No training has ended yet.</p>"))
    assert "No training has ended yet." in read.text("p")
    assert "Nothing was measured that this figure could show." in read.text("p")
    assert not read.all("img")


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a JPEG of some length", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_png_is_refused(data):
    with pytest.raises(ValueError, match="figures: expected a PNG as figure 1, but got"):
        page(figures=[("caption", data)])


def test_a_page_is_the_same_twice():
    assert page() == page()
