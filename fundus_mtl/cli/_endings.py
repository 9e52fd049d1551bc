"""How a verb ends: its exit status, and one sentence for what is refused, stopped or failed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fundus_mtl.cli._output import Output
from fundus_mtl.workflow import Presentation, presented

DONE, FAILED, REFUSED, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
_REPORT = "this may be a fault of fundus_mtl; run the command again with --debug and report the traceback."


class BadInputError(Exception):
    """Input that the user can correct; its text is all that the user sees."""


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Turn exceptions whose text is written for users into `BadInputError`.

    Args:
        *kinds: Classes of exceptions. All others pass, since they are faults of the program.

    Raises:
        BadInputError: With the text of the exception.
    """
    try:
        yield
    except kinds as error:
        raise BadInputError(_sentence(error)) from error


def exit_status(given: argparse.Namespace) -> int:
    """Run the verb that was parsed; it finds its `Output` as ``given.output``.

    Returns:
        The verb's exit status; 2 if its input was refused, 1 if it failed for another reason, 130 after Ctrl-C, or that of
        a workflow that ended the process, which has printed why.
    """
    output = Output(given)
    try:
        with output, presented(Presentation(output.traceback, output.set_loggers, output.error)):
            given.output = output
            return _status(given, output)
    except OSError as error:  # of the log file: all others are handled by now
        output.error(f"--log-file: {_sentence(error)}")
        return REFUSED


def _status(given: argparse.Namespace, output: Output) -> int:
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        print(f"stopped{given.if_stopped and ': '}{given.if_stopped}", file=sys.stderr)
        return INTERRUPTED
    except BadInputError as error:
        output.error(str(error), error.__cause__ or error)
        return REFUSED
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        output.log(str(end))
        return end.code
    except OSError as error:
        output.error(_sentence(error), error)
        return FAILED
    except Exception as error:
        output.error(f"{type(error).__name__}: {str(error).rstrip('.')}; {_REPORT}", error)
        return FAILED


def _sentence(error: Exception) -> str:
    """Return the text of an error; that of an operating system's error begins with the file's name."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}; check the path and its permissions."
    return str(error)
