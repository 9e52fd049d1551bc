"""The page of a comparison: one HTML file without scripts, which loads nothing from elsewhere."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from fundus_mtl.figures._look import DPI
from fundus_mtl.figures._templates import render
from fundus_mtl.notices import DISCLAIMER

PNG = b"\x89PNG\r\n\x1a\n"
CSS_DPI = 96
NOTHING = "Nothing was measured that this figure could show."


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
        title: title of the page.
        table_html: table as HTML, as `comparison_html` returns it; the only argument that is not escaped.
        figures: captions, each with a PNG, with a text that says why there is no picture, or with None. A caption is the
            heading up to its first ". "; the rest is written below the picture.
        facts: facts about the comparison by name, such as data, seeds and versions.
        above: remarks above the table.
        below: remarks below the table.

    Raises:
        ValueError: if a figure is not a PNG.
    """
    from markupsafe import Markup

    return render(
        "comparison.html",
        title=title,
        disclaimer=DISCLAIMER,
        table=Markup(table_html),  # noqa: S704  # `comparison_html` has escaped it
        figures=[_figure(number, *figure) for number, figure in enumerate(figures, 1)],
        facts=facts,
        above=above,
        below=below,
        nothing=NOTHING,
    )


def _figure(number: int, caption: str, data: bytes | str | None) -> dict[str, Any]:
    """Return the template's values for a figure."""
    heading, _, text = caption.partition(". ")
    values = {"caption": caption, "heading": heading.rstrip("."), "text": text, "picture": ""}
    if not isinstance(data, bytes):
        return values | {"reason": data or NOTHING}
    return values | _picture(number, data)


def _picture(number: int, data: bytes) -> dict[str, Any]:
    """Return a PNG as text, and its size on the page, px."""
    if not data.startswith(PNG) or len(data) < 24:
        raise ValueError(f"figures: expected a PNG as figure {number}, but got bytes that begin with {data[:8]!r}.")
    width, height = (round(side * CSS_DPI / DPI) for side in struct.unpack(">II", data[16:24]))
    return {"picture": base64.b64encode(data).decode("ascii"), "width": width, "height": height}
