"""Errors of a workflow: one line with the root cause."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

from fundus_mtl.files import lasting_streams, printable
from fundus_mtl.workflow._explanation import config_id, explain, unwrapped
from fundus_mtl.workflow._items import split
from fundus_mtl.workflow._presentation import presentation
from fundus_mtl.workflow._withheld_logs import withheld_logs

FAILED, REFUSED = 1, 2  # exit statuses: what was started failed; it was refused, as wrong arguments are everywhere
_STARTED = ("run", "finalize")  # items that start what the others describe
_OF_FILES = ("run", "items", "results", "dataset", "dataloader")  # items of a config that read the photographs
_LONGEST = 600  # characters; PyTorch lists every key of a state_dict that does not fit


class RefusedError(ValueError):
    """Input that the user can correct; its text is enough, so no traceback is printed."""


class WorkflowError(SystemExit):
    """A workflow failed; ``str()`` is the message, the ``__cause__`` is the original exception.

    It is a ``SystemExit``, so that the stock command ends with a status and without a second traceback. Catch it by name.

    Args:
        message: One sentence.
        code: Exit status.
    """

    def __init__(self, message: str, code: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def one_line(config: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Turn an exception into `WorkflowError`: show the traceback (see `Presentation`), then print one line with the cause.

    The exit status is 2 if an item of the configuration could not be built, and 1 if the run failed after that. An
    exception with an ``exit_code`` attribute, such as that of a full disk, has no traceback and gives the exit status.
    Where the config has ``id_mode: hash``, an error message may contain the name of a patient's file: then, unless it is a
    message of ours about the configuration, only the types of the exceptions and where they were raised are shown, and the
    text of other libraries' log lines and warnings is withheld.

    Args:
        config: Merged config, to suggest similar names for a missing reference.

    Raises:
        WorkflowError: Instead of any ``Exception``; Ctrl-C and ``SystemExit`` pass.
    """
    config = config or {}
    with lasting_streams(), withheld_logs() if config.get("id_mode") == "hash" else nullcontext():
        yield from _ending_in_one_line(config)


def _ending_in_one_line(config: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        _end(str(error), error)
    except Exception as error:
        root, where = unwrapped(error), config_id(error)
        if hasattr(root, "exit_code"):
            _end(str(root), root, int(root.exit_code))
        code = FAILED if where is not None and split(where)[0] in _STARTED else REFUSED
        if config.get("id_mode") == "hash" and not _is_ours(root, where):
            presentation().traceback(_frames(error) + "\n")
            message = f"{type(root).__name__}; its text is withheld, as it may contain names that id_mode hash hides."
            _end(message, error, code)
        presentation().traceback(_safe("".join(traceback.format_exception(error))))
        _end(_located(explain(error, config, where), root, where), error, code)


def _located(message: str, root: BaseException, where: str | None) -> str:
    """Return the message with the item of the configuration: in front, or behind a sentence that says what is wrong.

    Items that only start others (``run::1``) say nothing about their errors, and are left out behind a sentence.
    """
    if where is None:
        return message
    if not ("expected" in message and "but got" in message):
        return f"{where}: {message}"
    starts = split(where)[0] in _STARTED and not isinstance(root, KeyError)
    return message if starts else f"{message} (item {where})"


def _safe(text: str) -> str:
    """Return the text with its lines, but without what a terminal would obey."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _is_ours(root: BaseException, where: str | None) -> bool:
    """Return whether an error is a message of ours about the configuration, not one that may quote a file name or header."""
    text = str(root)
    ours = (
        isinstance(root, ValueError | FileNotFoundError | ModuleNotFoundError) and getattr(root, "errno", None) is None
    )
    return where is not None and split(where)[0] not in _OF_FILES and ours and "expected" in text and "but got" in text


def _frames(error: BaseException | None) -> str:
    """Return where an exception and its causes were raised, without their messages."""
    frames: list[str] = []
    while error is not None:
        frames = [*traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n", *frames]
        error = error.__cause__
    return "".join(["Traceback (most recent call last):\n", *frames])


def _end(message: str, error: BaseException, code: int = REFUSED) -> NoReturn:
    line = printable(" ".join(message.split()))
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
    sys.stdout.flush()
    print(f"error: {line}", file=sys.stderr, flush=True)
    raise WorkflowError(line, code) from error
