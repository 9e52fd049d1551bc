"""How a verb ends: exit statuses, and one line for what is refused or stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fundus_mtl.files import printable

DONE, REFUSED, SOME_FAILED, INTERRUPTED = 0, 2, 3, 130


class BadInputError(Exception):
    """Input that the user can mend; its text is all that the user sees."""


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
        raise BadInputError(str(error)) from error


def exit_status(given: argparse.Namespace) -> int:
    """Run the verb that was parsed.

    Returns:
        The verb's exit status; 2 if its input was refused, 130 after Ctrl-C, or that of a workflow that ended the process,
        which has printed why.
    """
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        print(f"stopped{given.if_stopped and ': '}{given.if_stopped}", file=sys.stderr)
        return INTERRUPTED
    except BadInputError as error:
        print(*map(printable, f"error: {error}".splitlines()), sep="\n", file=sys.stderr)  # it may quote a file's name
        return REFUSED
    except SystemExit as end:
        if isinstance(end.code, int):
            return end.code
        raise
