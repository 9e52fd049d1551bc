"""Hooks of MkDocs: pages from elsewhere in the repository, sections of other files, links that fit the site."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.pages.public_names import api  # noqa: E402
from docs.pages.sections import INCLUDE, outside_code, section  # noqa: E402
from docs.pages.sources import ELSEWHERE, PACKAGES, content, repository_path, site_path  # noqa: E402

_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>[^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Add the API reference to the navigation, and the pages that it does not name."""
    config.nav.append({"API": [{f"fundus_mtl.{name}": f"api/{name}.md"} for name in PACKAGES]})
    named = str(config.nav)
    if more := [path.name for path in sorted((ROOT / "docs").glob("*.md")) if f"'{path.name}'" not in named]:
        config.nav.append({"More": more})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in the folder of the documentation."""
    from mkdocs.structure.files import File

    for page in ELSEWHERE:
        files.append(File.generated(config, page, content=content(page)))
    for name in PACKAGES:
        files.append(File.generated(config, f"api/{name}.md", content=api(name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put in the sections of other files, and let links lead to pages of the site."""
    source = repository_path(page.file.src_uri)
    parts = []
    for line, is_text in outside_code(markdown):
        if is_text and (found := INCLUDE.match(line)):
            included = section((ROOT / found["file"]).read_text(encoding="utf-8"), found["heading"])
            parts += [
                linked(text, outside, found["file"], page.file.src_uri) for text, outside in outside_code(included)
            ]
        else:
            parts.append(linked(line, is_text, source, page.file.src_uri))
    return "\n".join(parts) + "\n"


def linked(line: str, is_text: bool, source: str, page: str) -> str:
    """Return a line whose links lead from a page of the site, instead of from a file of the repository.

    Links to files that are no page, such as code, become their text.
    """
    return _LINK.sub(lambda found: _link(found, source, page), line) if is_text else line


def _link(found: re.Match[str], source: str, page: str) -> str:
    path, _, anchor = found["target"].partition("#")
    if "://" in path or not path:
        return found[0]
    target = site_path(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
    if target is None:
        return found["text"].strip("![]")
    to = posixpath.relpath(target, posixpath.dirname(page) or ".")
    return f"{found['text']}({to}{'#' * bool(anchor)}{anchor})"
