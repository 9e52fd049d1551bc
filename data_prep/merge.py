"""Join datalists of several sources into one with partial labels.

    fundus-mtl prepare merge OUT.json SOURCE=DATALIST ... [--fill NAME=DATALIST] [--place SOURCE=SECTION]
                              [--camera SOURCE=TEXT] [--tasks TASK ...]

Each item keeps its photograph, labels, ``camera`` and ``laterality``, and gets its ``source``; its id is ``<source>_<id>``.
Labels that its source lacks are missing.

* A photograph that is listed twice, also as a copy in other bytes or under another name, becomes one item: its labels are
  united, and the first list that has one wins. Classes or scores that contradict each other are an error. Outlines and
  points are only taken from a copy of the same size.
* It goes to the strictest section that any list puts it in: testing before validation before training. Photographs of a
  patient who is in a stricter section too are left out, so that no photograph and no patient is in two sections.
  Patients of two lists with one name count as one person: ``data_prep`` puts the data set's name before the number.
* ``--fill`` adds the labels of a list, such as outlines made by networks, to photographs for which no person gave one; also
  where ``label_sources`` says that the source derived its own. What is derived itself is not added to the testing section.
  Photographs of the list that no source has are left out.
  ``label_sources`` of a joint item names where each label comes from that its source did not give.
* ``--place`` puts a whole source into one section, such as a camera on which to test what was trained on others.
* ``--tasks`` keeps these labels only; photographs without any of them are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data import write_datalist

from ._command import attempt, program
from ._item_files import relative
from ._merge_photographs import join_photographs
from ._merge_sections import SECTIONS, separate, table
from ._merge_sources import read_sources


def merge(
    out: Path,
    sources: Mapping[str, Path],
    fill: Mapping[str, Path] | None = None,
    place: Mapping[str, str] | None = None,
    camera: Mapping[str, str] | None = None,
    tasks: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write the joint datalist and return it.

    Args:
        out: JSON file to write; its folder is made if it is not there.
        sources: Datalists by the name of their source, the one whose labels come first first.
        fill: Datalists whose labels are added where no person gave one.
        place: Section of all photographs of a source.
        camera: Camera of the photographs of a source whose items name none.
        tasks: Labels to keep; all by default.

    Raises:
        FileNotFoundError: if a datalist, or a file that it names, is not there.
        ValueError: if a name, a section or a task is unknown, or labels of one photograph contradict each other.
        OSError: if the datalist cannot be written.
    """
    out = out.resolve()
    read = read_sources(sources, place or {}, camera or {})
    added = read_sources(fill or {}, {}, {})
    kept = _kept_tasks(tasks, [*read.tasks, *added.tasks])
    sections = separate(join_photographs(read.records, added.records, kept))
    document = {
        "name": "Merged: " + ", ".join(sources),
        "licence": "; ".join(read.licences | added.licences),
        "source": "; ".join(read.credits | added.credits),
        "tasks": kept,
        **{section: [_relative(item, kept, out.parent) for item in items] for section, items in sections.items()},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_datalist(out, document)
    return document


def _kept_tasks(wanted: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    every = list(dict.fromkeys(known))
    if unknown := sorted(set(wanted or ()) - set(every)):
        raise ValueError(f"Merge: expected tasks among {every}, but got {unknown}.")
    return [task for task in every if wanted is None or task in wanted]


def _relative(item: Mapping[str, Any], tasks: Sequence[str], folder: Path) -> dict[str, Any]:
    return {
        key: relative(Path(value), folder) if key == "image" or (key in tasks and isinstance(value, str)) else value
        for key, value in item.items()
    }


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Return ``{"a": "b"}`` of ``["a=b"]``.

    Raises:
        ValueError: if there is no equals sign, a name is not one word, or it is given twice.
    """
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value or not name.replace("-", "_").isidentifier():
            raise ValueError(f"{option}: expected NAME=VALUE with a name of letters, digits and _, but got {text!r}.")
        if name in pairs:
            raise ValueError(f"{option}: expected {name} once, but got it twice.")
        pairs[name] = value
    return pairs


def _merge_given(given: argparse.Namespace) -> dict[str, Any]:
    lists = {
        option: {name: Path(path) for name, path in _pairs(getattr(given, option), option).items()}
        for option in ("sources", "fill")
    }
    place, camera = _pairs(given.place, "place"), _pairs(given.camera, "camera")
    return merge(given.out, **lists, place=place, camera=camera, tasks=given.tasks)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    parser = argparse.ArgumentParser(
        prog=program("merge"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="datalist to write")
    parser.add_argument("sources", nargs="+", metavar="SOURCE=DATALIST", help="datalists to join")
    for option, what, about in (
        ("fill", "NAME=DATALIST", "add its labels where no person gave one"),
        ("place", "SOURCE=SECTION", f"put a whole source into one of {', '.join(SECTIONS)}"),
        ("camera", "SOURCE=TEXT", "camera of a source whose items name none"),
    ):
        parser.add_argument(f"--{option}", action="append", default=[], metavar=what, help=about)
    parser.add_argument("--tasks", nargs="+", help="labels to keep (default: all)")
    given = parser.parse_args(argv)
    return attempt("The merged datalist", lambda: _merge_given(given), table)


if __name__ == "__main__":
    sys.exit(main())
