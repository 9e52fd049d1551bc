"""The command ``fundus-mtl``: thin verbs over the package. Research use only."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fundus_mtl.cli._bundle import add_bundle
from fundus_mtl.cli._compare import add_compare
from fundus_mtl.cli._endings import exit_status
from fundus_mtl.cli._evaluate import add_evaluate
from fundus_mtl.cli._export import add_export
from fundus_mtl.cli._infer import add_infer
from fundus_mtl.cli._merge import add_merge
from fundus_mtl.cli._parser import Parser
from fundus_mtl.cli._prepare import add_prepare
from fundus_mtl.cli._serve import add_serve
from fundus_mtl.cli._train import add_train
from fundus_mtl.files import lasting_streams
from fundus_mtl.notices import RESEARCH_USE_ONLY, VERSION
from fundus_mtl.suggestions import did_you_mean

# Each adds its subparser, see `add_verb`. Importing them must be cheap: everything heavy is imported when the verb runs.
VERBS: tuple[Callable[[Any], None], ...] = (
    add_prepare,
    add_train,
    add_evaluate,
    add_infer,
    add_merge,
    add_export,
    add_compare,
    add_bundle,
    add_serve,
)


def parser() -> Parser:
    """Return the parser of the whole command line."""
    top = Parser(
        prog="fundus-mtl", description="Multi-task learning for colour fundus photographs.", epilog=RESEARCH_USE_ONLY
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    verbs = top.add_subparsers(metavar="VERB", required=True)
    for add in VERBS:
        add(verbs)
    top.set_defaults(verbs=verbs.choices)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    with lasting_streams():
        return exit_status(_parsed(sys.argv[1:] if arguments is None else list(arguments)))


def _parsed(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; argparse ends the process with status 2 if it is not understood."""
    top = parser()
    _complete(top)
    _check_verb(top, arguments)
    given, rest = top.parse_known_args(arguments)
    given.command_line = arguments
    # argparse gives up on `VERB BUNDLE --option x KEY=VALUE`: positional arguments after an option are left over.
    if hasattr(given, "key_values"):
        given.key_values += [text for text in rest if "=" in text and not text.startswith("-")]
        rest = [text for text in rest if text not in given.key_values]
    if rest:
        _refuse(given, rest)
    return given


def _complete(top: Parser) -> None:
    """Answer a shell that asks for completions; it does so by a variable of the environment."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(top)


def _check_verb(top: Parser, arguments: Sequence[str]) -> None:
    known = list(top.get_default("verbs"))
    verb = arguments[0] if arguments else "-"
    if verb not in known and not verb.startswith("-"):
        top.error(f"expected one of {', '.join(known)}, but got {verb}{did_you_mean(verb, known)}")


def _refuse(given: argparse.Namespace, rest: Sequence[str]) -> None:
    """End with status 2; suggest the option that was meant, or KEY=VALUE instead of ``--KEY VALUE`` of MONAI's command."""
    verb: Parser = given.verb
    first, _, value = rest[0].partition("=")
    otherwise = "."
    if first.startswith("--") and hasattr(given, "key_values"):
        otherwise = f"; write {first.lstrip('-')}={value or (rest[1] if len(rest) > 1 else 'VALUE')}"
    options = verb.options() if first.startswith("-") else []
    verb.error(f"unrecognized arguments: {' '.join(rest)}{did_you_mean(first, options, otherwise)}")
