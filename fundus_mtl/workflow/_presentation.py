"""How tracebacks, log lines and errors are shown; a command line may change it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from fundus_mtl.files import printable


def _to_stderr(text: str) -> None:
    print(text, end="", file=sys.stderr)


def _error(text: str) -> None:
    print(printable(text), file=sys.stderr)


def _leave() -> None:
    """Change nothing."""


class Presentation(NamedTuple):
    """How a workflow, or the preparation of a data set, is shown.

    Args:
        traceback: Called with the text of a traceback, which ends in a line break. By default it is printed to standard
            error, as the stock command of MONAI does.
        set_loggers: Called before a workflow is built, and after it has applied its ``logging.conf``, which replaces the
            handlers of the loggers.
        error: Called with the sentence of an error that ends the preparation of a data set. By default it is printed to
            standard error.
    """

    traceback: Callable[[str], None] = _to_stderr
    set_loggers: Callable[[], None] = _leave
    error: Callable[[str], None] = _error


_DEFAULT = Presentation()
_CURRENT = ContextVar("presentation", default=_DEFAULT)


def presentation() -> Presentation:
    """Return the presentation that is in use."""
    return _CURRENT.get()


@contextmanager
def presented(how: Presentation) -> Iterator[None]:
    """Use a presentation inside the ``with`` block."""
    token = _CURRENT.set(how)
    try:
        yield
    finally:
        _CURRENT.reset(token)
