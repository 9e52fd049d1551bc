"""The command line that the modules of this package share."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.files import printable
from fundus_mtl.workflow import presentation


def run(
    argv: Sequence[str] | None,
    data_set: str,
    module: str,
    about: str | None,
    seed: str,
    prepare: Callable[[Path, Path, int], Any],
    table: Callable[[Any], str],
) -> int:
    """Parse ``RAW OUT --seed``, prepare the data set and print a table.

    Args:
        argv: Arguments of the command; None for those of the process.
        data_set: Name of the data set in messages, such as ``REFUGE``.
        module: Name of the module in this package, such as ``refuge``.
        about: Text of ``--help``.
        seed: What the seed is for, in words, such as ``the folds``.
        prepare: Called with the raw folder, the output folder and the seed.
        table: Turns the result of ``prepare`` into the text that is printed.

    Returns:
        The exit status: 0, or 1 after one sentence about what is wrong.
    """
    parser = argparse.ArgumentParser(
        prog=program(module), description=about, formatter_class=argparse.RawDescriptionHelpFormatter
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
        return refuse(what, error)
    print(*map(printable, table(made).splitlines()), sep="\n")
    return 0


def refuse(what: str, error: OSError | ValueError) -> int:
    """Print one sentence about what is wrong; return the exit status 1.

    Args:
        what: Name of what was to be prepared.
        error: The error; its text may begin with the name, which is not repeated.
    """
    sentence = _sentence(error)
    reason = sentence.removeprefix(f"{what}: ")
    presentation().error(f"{what} was not prepared. {reason if reason == sentence else _capitalized(reason)}")
    return 1


def program(module: str) -> str:
    """Return the command that runs a module of this package, which is called ``fundus_mtl.data_prep`` once installed."""
    return f"python -m data_prep.{module}" if __package__ == "data_prep" else f"fundus-mtl prepare {module}"


def _capitalized(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _sentence(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.filename}: expected to use it, but got: {error.strerror}." if error.filename else error.strerror
