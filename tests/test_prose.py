"""Plain English: no private idiom in prose, no argument description that needs the argument's name to be understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKED = (
    *("fundus_mtl", "data_prep", "benchmarks", "bundles", "docs", "README.md", "CONTRIBUTING.md"),
    *(
        f"tests/{name}"
        for name in (
            *("aggregation", "biomarkers", "data", "engines", "metrics", "networks", "optim", "transforms"),
            *("weighting", "test_autograd.py", "test_losses.py", "test_divergence.py"),
        )
    ),
)
IDIOMS = (
    *("is told", "are told", "was told", "be told", "unless told", "goes on", "go on", "went on", "anew", "whoever"),
    *("for who wants", "the road works", "its fault", "a word to", "without a word", "looks again", "looked at"),
    *("such as they are", "gone with", "short work", "at hand", "by the letter"),
    *("for ever", "wants? it", "not said", "nobody", "somebody", "tells? whether"),
    *("stands? (in|beside|for itself)", "as it is$", "hand(s|ed)? over", "a second look", "closer looks?"),
    *(r"definitions\.md", r"requirements\.md", "shared/design"),
)
IDIOM = re.compile(rf"\b({'|'.join(IDIOMS)})\b", re.IGNORECASE | re.MULTILINE)
DEPENDENT = re.compile(r"^ {4,}\*{0,2}\w+: (of|to|from|with|by|as|whose|which|how|what|where) ", re.MULTILINE)


def files():
    found = [path for name in CHECKED for path in (sorted((ROOT / name).rglob("*.*")) or [ROOT / name])]
    return [path for path in found if path.suffix in (".py", ".yaml", ".md")]


def lines_with(pattern, text):
    return [f"{text.count(chr(10), 0, found.start()) + 1}: {found[0].strip()}" for found in pattern.finditer(text)]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_text_is_plain(path):
    text = path.read_text(encoding="utf-8")
    assert lines_with(IDIOM, text) == []
    assert path.suffix != ".py" or lines_with(DEPENDENT, text) == []


@pytest.mark.parametrize(
    "text", ["the road works", "It is told so.", "see definitions.md", "the rest is\nnot said", "x looked at"]
)
def test_idioms_are_found(text):
    assert lines_with(IDIOM, text)


@pytest.mark.parametrize("entry", ["        path: of the run.", "        *args: as of MONAI."])
def test_dependent_entries_are_found(entry):
    assert lines_with(DEPENDENT, entry)
    assert not lines_with(DEPENDENT, "        path: Folder of the run.")
