"""Names and notes from outside as text that is safe to print on a terminal or in a log."""

from __future__ import annotations

import logging
from copy import copy
from pathlib import PurePath


def printable(text: str) -> str:
    r"""Return the text with everything escaped that does not print.

    Control characters start a terminal's commands (an escape sequence in a file's name may hide or rewrite what was printed
    before), line ends forge lines of a log, and marks of writing direction swap what is read. Letters of every script stay.

    Example:
        >>> printable("eye\x1b[2J\n.png")
        'eye\\x1b[2J\\n.png'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


class PrintableFormatter(logging.Formatter):
    """Format log records with everything escaped that does not print; names among the arguments start no new line.

    Args:
        formatter: Formatter that makes the text; None for the message alone.
    """

    def __init__(self, formatter: logging.Formatter | None = None) -> None:
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record; its own lines stay, and those of a traceback."""
        safe = copy(record)
        if isinstance(record.args, tuple):
            safe.args = tuple(printable(str(arg)) if isinstance(arg, str | PurePath) else arg for arg in record.args)
        return "\n".join(map(printable, self.formatter.format(safe).split("\n")))


def make_logs_printable() -> None:
    """Let all handlers that write to a stream use a `PrintableFormatter`; MONAI allows none in a ``logging.conf``."""
    loggers = [logging.root, *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if type(handler) is logging.StreamHandler and not isinstance(handler.formatter, PrintableFormatter):
            handler.setFormatter(PrintableFormatter(handler.formatter))
