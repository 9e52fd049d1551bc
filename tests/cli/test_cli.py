"""The command line: its verbs, its notice, its exit statuses."""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path

import pytest

import fundus_mtl
from fundus_mtl.cli import VERBS, main, parser
from fundus_mtl.cli._endings import BadInputError, exit_status, refusing
from fundus_mtl.cli._output import shown_folder
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

    output = {"quiet": False, "verbose": False, "log_file": None, "debug": False}
    return exit_status(argparse.Namespace(run=run, **{"if_stopped": ""} | output | options))


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


def test_a_fault_of_the_program_has_a_traceback_with_debug_only(capsys):
    assert ending(KeyError("x")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: KeyError: 'x'; this may be a fault of fundus_mtl")
    assert ending(KeyError("x"), debug=True) == 1
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last == line
    with pytest.raises(KeyError), refusing(ValueError):
        raise KeyError("x")


def test_an_error_of_the_system_names_the_file(capsys):
    assert ending(PermissionError(13, "Permission denied", "runs/a.csv")) == 1
    assert capsys.readouterr().err == "error: runs/a.csv: Permission denied; check the path and its permissions.\n"


def test_the_log_file_gets_the_error_and_its_traceback(tmp_path, capsys):
    log = tmp_path / "run.log"
    assert ending(KeyError("x"), log_file=str(log)) == 1
    assert ending(BadInputError("expected a, but got b."), log_file=str(log)) == 2
    text = log.read_text()
    assert "ERROR Traceback (most recent call last):" in text
    assert "ERROR KeyError: 'x'; this may be" in text
    assert text.endswith("ERROR expected a, but got b.\n")
    assert "Traceback" not in capsys.readouterr().err
    assert ending(None, log_file=str(tmp_path / "nowhere" / "run.log")) == 2
    assert capsys.readouterr().err.startswith(f"error: --log-file: {tmp_path / 'nowhere' / 'run.log'}: No such file")


@pytest.mark.parametrize("options, shown", [({}, "i w e"), ({"quiet": True}, "w e"), ({"verbose": True}, "d i w e")])
def test_how_much_is_printed(options, shown, tmp_path, capsys, monkeypatch):
    own = logging.getLogger("fundus_mtl")  # as in a new process: a bundle's logging.conf may have changed it
    monkeypatch.setattr(own, "handlers", [])
    monkeypatch.setattr(own, "propagate", True)

    def run(given):
        logger = logging.getLogger("fundus_mtl.here")
        logger.debug("d"), logger.info("i"), logger.warning("w"), logger.error("e")
        given.output.info("results are in out")
        return 0

    log = tmp_path / "run.log"
    output = {"quiet": False, "verbose": False, "log_file": str(log), "debug": False, "if_stopped": ""}
    assert exit_status(argparse.Namespace(run=run, **output | options)) == 0
    printed = capsys.readouterr()
    assert printed.err.split() == shown.split()
    assert printed.out == ("" if options.get("quiet") else "results are in out\n")
    logged = [line.split(" ", 3)[-1] for line in log.read_text().splitlines()]
    assert logged == [*shown.split(), "results are in out"]


def test_a_warning_is_one_line_and_that_of_monai_is_left_out(capsys):
    def run(_):
        warnings.warn("parsing config_file a.yaml: any value is code (GHSA-873f-pvrv-4x83)", stacklevel=1)
        warnings.filterwarnings("default", message="something")  # pytest makes errors of them
        warnings.warn("something\nelse", stacklevel=1)
        return 0

    output = {"quiet": False, "verbose": False, "log_file": None, "debug": False, "if_stopped": ""}
    assert exit_status(argparse.Namespace(run=run, **output)) == 0
    assert capsys.readouterr().err == "warning: something else\n"


@pytest.mark.parametrize(
    "arguments, meant",
    [
        (["infer", "a", "b", "--batchsize", "2"], "unrecognized arguments: --batchsize 2; did you mean --batch-size?"),
        (["infer", "a", "b", "--wieghts=x"], "did you mean --weights?"),
        (["train", "refuge_mtl", "--metod", "joint"], "did you mean --method?"),
        (["train", "refuge_mtl", "--device", "cuda:0"], "--device cuda:0; write device=cuda:0."),
        (
            ["export", "a", "b", "--format", "refug"],
            "expected one of refuge, nifti, dicom, but got refug; did you mean refuge?",
        ),
        (["infer", "a", "b", "--batch-size", "0"], "--batch-size: expected a whole number of at least 1, but got 0."),
        (["infer", "a"], "the following arguments are required: OUT"),
    ],
)
def test_a_misspelt_option_is_one_sentence_with_a_suggestion(arguments, meant, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert meant in line
    assert line.endswith(f"See fundus-mtl {arguments[0]} --help.")


def test_the_commands_of_the_readme_parse():
    lines = [line.partition("#")[0].split() for line in (ROOT / "README.md").read_text().splitlines()]
    commands = [line[1:] for line in lines if line[:1] == ["fundus-mtl"] and "--help" not in line]
    assert {"prepare", "train", "evaluate", "infer"} <= {command[0] for command in commands}
    for arguments in commands:
        assert fundus_mtl.cli._parsed(arguments).run is not None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("out", "out"),
        ("../out", "../out"),
        ("{here}/out", "out"),
        ("{here}/../there/out", "the folder out"),
        ("/nowhere/DOE JOHN/out", "the folder out"),
    ],
)
def test_the_last_line_has_no_absolute_path(given, shown, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert shown_folder(given.format(here=tmp_path / "here")) == shown


def test_log_lines_command_no_terminal_and_forge_no_line(tmp_path, capsys):
    """Names among the arguments of a log line are data; the line's own breaks stay."""

    def run(given):
        logging.getLogger("fundus_mtl").warning("%s: expected\n%s", "a\x1b[2J\nerror: forged", Path("b\x9b1m"))
        return 0

    command = argparse.Namespace(
        run=run, quiet=False, verbose=False, debug=False, log_file=str(tmp_path / "log.txt"), if_stopped=""
    )
    assert exit_status(command) == 0
    lines = [r"a\x1b[2J\nerror: forged: expected", r"b\x9b1m"]
    assert capsys.readouterr().err.splitlines() == lines
    logged = (tmp_path / "log.txt").read_text().splitlines()
    assert [logged[0].split("WARNING ")[1], logged[1]] == lines
