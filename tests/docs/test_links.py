"""Links lead to files and headings that exist; the site's includes too."""

from __future__ import annotations

import re

import pytest

from docs.pages.sections import INCLUDE, section
from docs.pages.sources import ELSEWHERE, notebook, site_path
from tests.docs.pages import PAGES, ROOT, name, text

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def slug(heading):
    """Anchor of a heading on the site and on Git servers."""
    words = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def anchors(page):
    return {slug(line.lstrip("#")) for line in text(page) if re.match(r"#+ ", line)}


def links(page):
    return [target for line in text(page) for target in _LINK.findall(re.sub(r"`[^`]*`", "", line))]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = page if not path else page.parent / path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_includes_have_a_section(page):
    for found in INCLUDE.finditer(page.read_text(encoding="utf-8")):
        assert section((ROOT / found["file"]).read_text(encoding="utf-8"), found["heading"])


def test_pages_from_elsewhere_exist_and_are_found_again():
    assert len([page for page in ELSEWHERE if page.startswith("models/")]) >= 4
    for page, source in ELSEWHERE.items():
        assert (ROOT / source).is_file()
        assert site_path(source) == page
    assert site_path("docs/methods.md") == "methods.md"
    assert site_path("fundus_mtl/tasks.py") is None


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [site_path(name(page)) for page in PAGES]
    assert [page for page in pages if page is not None and page not in navigation] == []


def test_sections():
    text = "# Title\n\nabove\n\n## One\n\n```\n## no heading\n```\n\n### Deeper\n\n## Two\n\ntwo\n"
    assert section(text) == "above"
    assert section(text, "One") == "```\n## no heading\n```\n\n### Deeper"
    assert section(text, "Two") == "two"
    with pytest.raises(ValueError, match="expected a heading 'Three'"):
        section(text, "Three")


def test_a_notebook_as_a_page():
    cells = '{"cells": [{"cell_type": "markdown", "source": ["# A\\n", "b"]}, {"cell_type": "code", "source": ["1"]}]}'
    assert notebook(cells) == "# A\nb\n\n```python\n1\n```\n"


def test_links_of_the_site_fit_its_pages():
    from docs.pages.hooks import linked

    line = "see [a](../bundles/hrf_av_mtl/docs/README.md#x), [b](../fundus_mtl/tasks.py), ![c](balance.png), [d](https://e)"
    expected = "see [a](models/hrf_av_mtl.md#x), b, ![c](balance.png), [d](https://e)"
    assert linked(line, True, "docs/methods.md", "methods.md") == expected
    assert linked(line, False, "docs/methods.md", "methods.md") == line
    assert linked("[a](docs/methods.md)", True, "README.md", "quick_start.md") == "[a](methods.md)"
    assert linked(
        "[a](../../refuge_mtl/docs/README.md)", True, "bundles/hrf_av_mtl/docs/README.md", "models/hrf_av_mtl.md"
    ) == ("[a](refuge_mtl.md)")
