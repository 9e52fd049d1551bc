"""The command line of what turns a raw folder into datalists."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def run(
    argv: Sequence[str] | None,
    data_set: str,
    module: str,
    about: str | None,
    seed: str,
    prepare: Callable[[Path, Path, int], Any],
    table: Callable[[Any], str],
) -> int:
    """Read ``RAW OUT --seed``, prepare, print a table; return 0, or 1 after one sentence about what is wrong.

    Args:
        argv: the arguments; those of the process if None.
        data_set: its name, for messages.
        module: of ``data_prep``.
        about: the text of ``--help``.
        seed: what the seed is of.
        prepare: from the two folders and the seed to what was made.
        table: of that.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m data_prep.{module}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path, help=f"folder below which {data_set} was unpacked")
    parser.add_argument("out", type=Path, help="folder for the masks and datalists")
    parser.add_argument("--seed", type=int, default=0, help=f"of {seed} (default: 0)")
    arguments = parser.parse_args(argv)
    return attempt(data_set, lambda: prepare(arguments.raw, arguments.out, arguments.seed), table)


def attempt(what: str, prepare: Callable[[], Any], table: Callable[[Any], str]) -> int:
    """Prepare and print a table; return 0, or 1 after one sentence about what is wrong.

    Args:
        what: Name of what is prepared, for the message.
        prepare: Returns what was made.
        table: Turns that into text.
    """
    logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        made = prepare()
    except (OSError, ValueError) as error:
        print(f"{what} was not prepared. {_sentence(error)}", file=sys.stderr)
        return 1
    print(table(made))
    return 0


def _sentence(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: expected to use it, but got: {error.strerror}." if error.filename else error.strerror
