"""Sections of a Markdown file, by their headings."""

from __future__ import annotations

import re

INCLUDE = re.compile(r"^<!-- include: (?P<file>\S+?)(?:, (?P<heading>.+?))? -->$", re.MULTILINE)
_HEADING = re.compile(r"^(#+) (.+)$")


def section(text: str, heading: str | None = None) -> str:
    """Return what is below a heading of level two, without it; None: what is between the title and the first of them.

    Raises:
        ValueError: If there is no such heading, or nothing below it.
    """
    found: list[str] = []
    inside, fenced = heading is None, False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (match := _HEADING.match(line)) and len(match[1]) <= 2:
            if heading is None and len(match[1]) == 1:
                continue
            inside = heading is not None and match[2] == heading
            continue
        if inside:
            found.append(line)
        if heading is None and found and not inside:
            break
    if not (content := "\n".join(found).strip()):
        raise ValueError(f"expected a heading {heading!r} with text below it, but got none; correct the include.")
    return content


def outside_code(text: str) -> list[tuple[str, bool]]:
    """Return the lines of a text, each with whether it is outside of fenced code."""
    lines, fence = [], ""
    for line in text.splitlines():
        mark = line.strip()[:3]
        begins = mark == "```" and not fence
        lines.append((line, not fence and not begins))
        if mark == "```":
            fence = "" if fence else mark
    return lines
