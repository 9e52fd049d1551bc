"""The command line: its verbs, its notice, its exit statuses."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

import fundus_mtl
from fundus_mtl.cli import VERBS, main, parser
from fundus_mtl.cli._endings import BadInputError, exit_status, refusing
from fundus_mtl.notices import RESEARCH_USE_ONLY

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(parser().get_default("verbs"))


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fundus-mtl {fundus_mtl.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in NAMES)], ids=" ".join)
def test_every_help_has_the_notice(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert RESEARCH_USE_ONLY in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", NAMES)
def test_every_verb_has_examples_that_parse(verb):
    """What `--help` shows must be understood: each example is parsed, not run."""
    lines = parser().get_default("verbs")[verb].format_help().partition("examples:\n")[2].splitlines()
    examples = [line.partition("#")[0].split()[1:] for line in lines if line.strip().startswith("fundus-mtl ")]
    assert examples
    for arguments in examples:
        if "--help" not in arguments:
            assert fundus_mtl.cli._parsed(arguments).run is not None


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["compair"],
        ["compare"],
        ["compare", "a.yaml", "--workers", "two"],
        ["train"],
        ["evaluate"],
        ["prepare"],
        ["infer", "photographs"],
        ["export", "results", "out"],
        ["export", "results", "out", "--format", "refuge", "extra=1"],
    ],
)
def test_misuse_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_misspelt_verb_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["compair", "a.yaml"])
    assert "but got compair; did you mean compare?" in capsys.readouterr().err


def test_every_verb_says_what_to_run():
    verbs = parser().get_default("verbs")
    assert len(verbs) == len(VERBS)
    assert all(callable(verb.get_default("run")) for verb in verbs.values())


def ending(error: BaseException | None, **options) -> int:
    def run(_):
        if error is not None:
            raise error
        return 4

    return exit_status(argparse.Namespace(run=run, **{"if_stopped": ""} | options))


@pytest.mark.parametrize(
    "error, status, printed",
    [
        (None, 4, ""),
        (BadInputError("expected a, but got b."), 2, "error: expected a, but got b.\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (SystemExit(143), 143, ""),  # SIGTERM in a workflow
    ],
)
def test_how_a_verb_may_end(error, status, printed, capsys):
    assert ending(error) == status
    assert capsys.readouterr().err == printed


def test_a_stop_says_how_to_resume(capsys):
    assert ending(KeyboardInterrupt(), if_stopped="run it again.") == 130
    assert capsys.readouterr().err == "stopped: run it again.\n"


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(KeyError):
        ending(KeyError("x"))
    with pytest.raises(KeyError), refusing(ValueError):
        raise KeyError("x")


def test_the_commands_of_the_readme_parse():
    lines = [line.partition("#")[0].split() for line in (ROOT / "README.md").read_text().splitlines()]
    commands = [line[1:] for line in lines if line[:1] == ["fundus-mtl"] and "--help" not in line]
    assert {"prepare", "train", "evaluate", "infer"} <= {command[0] for command in commands}
    for arguments in commands:
        assert fundus_mtl.cli._parsed(arguments).run is not None
