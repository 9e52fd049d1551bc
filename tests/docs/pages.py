"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

from docs.pages.sections import outside_code

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bundles/*/docs/*.md"), *ROOT.glob("benchmarks/*.md")]
)
_ASSIGNMENT = re.compile(r'([A-Z]+)="([^"]*)"')
_ASSIGNMENTS = re.compile(rf"(?:{_ASSIGNMENT.pattern}[; ]*)+")
_FENCE = re.compile(r"^ *```(\w*)")


def name(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    """Blocks of code of a language: number of the first line, and lines."""
    found, inside = [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if match := _FENCE.match(line):
            if inside is None:
                inside = (match[1], number + 1, [])
            else:
                found.append(inside)
                inside = None
        elif inside is not None:
            inside[2].append(line)
    assert inside is None, f"{name(page)}: a block of code does not end"
    return [(number, lines) for what, number, lines in found if what == language]


def text(page):
    """Lines that are not code."""
    return [line for line, is_text in outside_code(page.read_text(encoding="utf-8")) if is_text]


def commands(lines):
    """Commands of a block of bash, without comments, with its variables put in; a backslash continues a line."""
    joined = "\n".join(lines).replace("\\\n", " ")
    found, variables = [], {}
    for line in (line.strip() for line in joined.splitlines()):
        if not line or line.startswith("#"):
            continue
        if _ASSIGNMENTS.fullmatch(line):
            variables.update(_ASSIGNMENT.findall(line))
            continue
        for variable, value in variables.items():
            line = line.replace(f"${variable}", value)
        found.append(line)
    return found
