"""The verb ``fundus-mtl merge``: results of several runs, such as the shards of many machines, as those of one run."""

from __future__ import annotations

import argparse
from typing import Any

from fundus_mtl.cli._endings import refusing
from fundus_mtl.cli._verb import add_verb

_ABOUT = """Join folders that `fundus-mtl infer` wrote. Tables, journal, pictures and report are those of one run. Runs of
other weights, another configuration or other options are refused, and so are shards that are missing, that have not ended,
or that have the same photograph. Pictures are hard links where the file system has them, otherwise copies. Exit status: 0
all measured, 2 refused, 3 some failed, 4 none usable."""
_EXAMPLES = """
fundus-mtl merge RESULTS shards/*
"""


def add_merge(verbs: Any) -> None:
    """Add the verb to the command line's subparsers."""
    parser = add_verb(verbs, "merge", run_merge, "join the results of several machines", _ABOUT, _EXAMPLES)
    parser.add_argument("out", metavar="OUT", help="folder for the joined results; new or empty")
    parser.add_argument("shards", metavar="RESULTS", nargs="+", help="folders of finished `fundus-mtl infer`")


def run_merge(given: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    from fundus_mtl.results import OutputError, exit_code, merge_runs

    with refusing(ValueError, OutputError):
        counts = merge_runs(given.shards, given.out)
    given.output.info(f"results are in {given.out}")
    return exit_code(counts)
