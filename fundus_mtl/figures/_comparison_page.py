"""The page of a comparison: one HTML file that needs nothing else, runs no script and reaches for no network."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from fundus_mtl.figures._look import DPI
from fundus_mtl.notices import DISCLAIMER

PNG = b"\x89PNG\r\n\x1a\n"
CSS_DPI = 96
NOTHING = '<p class="empty">Nothing was measured that this figure could show.</p>'


def comparison_page(
    title: str,
    table_html: str,
    figures: Sequence[tuple[str, bytes | str | None]],
    facts: Mapping[str, str],
    above: Sequence[str] = (),
    below: Sequence[str] = (),
) -> str:
    """Return the page of a comparison.

    Args:
        title: of the page, text.
        table_html: as `comparison_html` gives it; it goes in as it is, so that its maker must have escaped it. A table
            that is wider than the screen is scrolled by itself.
        figures: caption and PNG; None for the PNG says that there is nothing to show, text why there is none. The
            caption, text, is a heading up to its first ". ", and the rest stands below the picture.
        facts: what the comparison was made with, text by name: data, seeds, versions.
        above: what to know before the table is read, text, one line each.
        below: how its tests and costs are to be read, likewise.

    Raises:
        ValueError: if a figure is no PNG.
    """
    template = files("fundus_mtl.figures").joinpath("comparison.html").read_text(encoding="utf-8")
    wrapped = table_html.replace("<table", '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table')
    return Template(template).substitute(
        title=escape(title),
        disclaimer=escape(DISCLAIMER),
        facts="\n".join(f"<dt>{escape(name)}</dt><dd>{escape(str(fact))}</dd>" for name, fact in facts.items()),
        above=_remarks(above),
        table=wrapped.replace("</table>", "</table></div>"),
        below=_remarks(below),
        contents="\n".join(_entry(number, caption) for number, (caption, _) in enumerate(figures, 1)),
        figures="\n".join(_figure(number, *figure) for number, figure in enumerate(figures, 1)) or NOTHING,
    )


def _remarks(remarks: Sequence[str]) -> str:
    lines = "\n".join(f"<li>{escape(remark)}</li>" for remark in remarks)
    return f'<ul class="remarks">\n{lines}\n</ul>' if lines else ""


def _heading(number: int, caption: str) -> str:
    return f"Figure {number}: {escape(caption.partition('. ')[0].rstrip('.'))}"


def _entry(number: int, caption: str) -> str:
    return f'<li><a href="#figure-{number}">{_heading(number, caption)}</a></li>'


def _figure(number: int, caption: str, data: bytes | str | None) -> str:
    """Return a figure below its heading."""
    anchor, heading = f"figure-{number}", _heading(number, caption)
    rest = caption.partition(". ")[2]
    words = f"<figcaption>{escape(rest)}</figcaption>" if rest else ""
    if isinstance(data, str):
        body = f'<p class="empty">{escape(data)}</p>'
    else:
        body = NOTHING if data is None else _picture(number, caption, data)
    link = f'<a class="anchor" href="#{anchor}" aria-label="link to this figure">#</a>'
    return f'<section id="{anchor}">\n<h3>{heading} {link}</h3>\n<figure>{body}{words}</figure>\n</section>'


def _picture(number: int, caption: str, data: bytes) -> str:
    """Return the picture inside the page, in the size that it was drawn for."""
    if not data.startswith(PNG) or len(data) < 24:
        raise ValueError(f"figures: expected a PNG as figure {number}, but got bytes that begin with {data[:8]!r}.")
    width, height = (round(side * CSS_DPI / DPI) for side in struct.unpack(">II", data[16:24]))
    coded = base64.b64encode(data).decode("ascii")
    place = f'width="{width}" height="{height}" style="max-width: min(100%, {width}px)" alt="{escape(caption)}"'
    return f'<img {place} src="data:image/png;base64,{coded}">'
