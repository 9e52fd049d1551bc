"""MNIST: two tasks in one file from the four IDX files.

    fundus-mtl prepare mnist MNIST_FOLDER OUT [--kind even_odd | multi]

``MNIST_FOLDER`` holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
``t10k-labels-idx1-ubyte``, plain or as ``.gz``. ``OUT`` gets ``<kind>.npz`` (images and labels) and ``<kind>.json``.

* ``even_odd`` (MT-COOL, Table 1): task ``even`` classifies 0, 2, 4, 6, 8, task ``odd`` 1, 3, 5, 7, 9; an image has the
  label of one task only.
* ``multi`` (MultiMNIST; MAMG, Fig. 3): two different digits in one image, task ``left`` and task ``right``.

Sections. MT-COOL has "50,000 training and 10,000 testing images" and mentions neither the other 10,000 nor a validation
set. Here ``testing`` is MNIST's own; of the first 50,000 of its 60,000 a part drawn by the seed (5,000) is ``validation``,
for choosing settings and the best epoch, and the rest ``training``; the last 10,000 are ``spare`` and used by nothing
unless a config names them. MAMG makes 60,000 and 10,000 images, so ``multi`` has all 60,000 in training and validation,
each digit once at the left, and no digit of one section is in an image of another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fundus_mtl.data import DIGIT_TASKS, ArraySet, Digits, digit_set
from fundus_mtl.files import printable

from ._command import program, refuse
from ._idx import read_digits

TRAIN = {"even_odd": 50_000, "multi": 60_000}  # images, as in the papers
VALIDATION = 5_000
_LICENCE = "as published by LeCun, Cortes and Burges, commonly CC BY-SA 3.0"
_SOURCE = "LeCun, Cortes, Burges: The MNIST database of handwritten digits; the published files (MD5)"
_OTHER = "Not the published MNIST: the IDX files differ from it."


def prepare(
    folder: str | Path,
    out: str | Path,
    kind: str = "even_odd",
    train: int | None = None,
    validation: int = VALIDATION,
    seed: int = 0,
) -> ArraySet:
    """Write ``<kind>.npz`` and ``<kind>.json`` into ``out``.

    Args:
        folder: Folder with the four files.
        out: Folder to write to, made if it does not exist.
        kind: ``even_odd`` or ``multi``.
        train: Number of images for training and validation, from the beginning of the training file.
        validation: Number of these that are held out.
        seed: Seed of the held-out part and of the pairs of ``multi``.

    Returns:
        What was written.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if a file is damaged, or has too few images.
        OSError: if something cannot be written, a full disk included.
    """
    folder = Path(folder)
    (pool, known), (testing, also_known) = (read_digits(folder, part) for part in ("train", "t10k"))
    published = known and also_known
    about = {
        "name": "MNIST" if published else "digits in MNIST's format",
        "licence": _LICENCE if published else "unknown",
        "source": _SOURCE if published else "unknown",
        "note": None if published else _OTHER,
    }
    parts = cut(len(pool.digits), train or TRAIN.get(kind, 0), validation, seed)
    sections = {name: _rows(pool, rows) for name, rows in parts.items() if len(rows)}
    made = digit_set(kind, about, {**sections, "testing": testing}, seed)
    made.save(Path(out) / f"{kind}.npz")
    return made


def cut(count: int, train: int, validation: int, seed: int) -> dict[str, np.ndarray]:
    """Return the rows of ``training``, ``validation`` and ``spare`` of ``count`` images.

    Raises:
        ValueError: if there are fewer than ``train``, or nothing is left to train on, or to validate with.
    """
    if count < train:
        raise ValueError(f"train: expected at least {train} images in the training file, but got {count}; see --train.")
    if not 0 < validation < train:
        raise ValueError(f"validation: expected from 1 to {train - 1} images, but got {validation}; see --validation.")
    drawn = np.random.default_rng(seed).permutation(train)
    rows = {"training": drawn[validation:], "validation": drawn[:validation], "spare": np.arange(train, count)}
    return {name: np.sort(part) for name, part in rows.items()}


def _rows(digits: Digits, rows: np.ndarray) -> Digits:
    return Digits(*(column[rows] for column in digits))


def table(made: ArraySet) -> str:
    """Return a line per section: how many images, and of how many each task is known."""
    lines = [f"{'section':12}{'images':>8}" + "".join(f"{task:>8}" for task in made.tasks)]
    for name, arrays in made.sections.items():
        known = "".join(f"{int(arrays[f'{task}_present'].sum()):8}" for task in made.tasks)
        lines.append(f"{name:12}{len(arrays['id']):8}{known}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    parser = argparse.ArgumentParser(
        prog=program("mnist"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder with the four IDX files")
    parser.add_argument("out", type=Path, help="folder for <kind>.npz and <kind>.json")
    parser.add_argument("--kind", choices=sorted(DIGIT_TASKS), default="even_odd", help="(default: even_odd)")
    parser.add_argument("--train", type=int, help="images for training and validation (default: 50000, multi: 60000)")
    parser.add_argument("--validation", type=int, default=VALIDATION, help=f"of these (default: {VALIDATION})")
    parser.add_argument("--seed", type=int, default=0, help="of what is held out and of the pairs (default: 0)")
    given = parser.parse_args(argv)
    try:
        made = prepare(given.folder, given.out, given.kind, given.train, given.validation, given.seed)
    except (OSError, ValueError) as error:
        return refuse("MNIST", error)
    print(*map(printable, table(made).splitlines()), sep="\n")
    print(printable(f"{made.about['name']} ({made.about['source']}): {given.out / given.kind}.npz"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
