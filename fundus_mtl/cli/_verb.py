"""What every verb's part of the command line has in common."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from typing import Any

from fundus_mtl.cli._output import add_output_options
from fundus_mtl.cli._parser import Parser
from fundus_mtl.notices import RESEARCH_USE_ONLY

_WIDTH = 96


def add_verb(
    verbs: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    about: str,
    examples: str,
    if_stopped: str = "",
) -> Parser:
    """Add a verb to the command line's subparsers.

    Args:
        verbs: The subparsers.
        name: The verb.
        run: Called with the parsed options; returns the exit status. It imports what it needs by itself, so that ``--help``
            stays fast, and raises `BadInputError` (see `refusing`) for input that the user can correct.
        summary: A few words for ``fundus-mtl --help``.
        about: What the verb does and its exit statuses.
        examples: Command lines, one per line.
        if_stopped: How to resume, printed after Ctrl-C.

    Returns:
        The verb's parser, to which it adds its arguments.
    """
    lines = "\n".join(f"  {line}" for line in examples.strip().splitlines())
    parser: Parser = verbs.add_parser(
        name,
        help=summary,
        description=textwrap.fill(" ".join(about.split()), _WIDTH),
        epilog=f"examples:\n{lines}\n\n{RESEARCH_USE_ONLY}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_output_options(parser)
    parser.set_defaults(run=run, if_stopped=if_stopped, verb=parser)
    return parser
