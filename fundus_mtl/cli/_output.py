"""What a verb prints: how much, where else it is logged, and whether errors come with a traceback."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fundus_mtl.files import PrintableFormatter, printable

_OWN = ("fundus_mtl", "train_log")  # loggers of this package and of MONAI's training statistics
_FORMAT = "%(asctime)s %(levelname)s %(message)s"
# MONAI warns of every configuration that it reads. `trust_bundle` says the same once, where the bundle is not our own.
_OF_CONFIGURATIONS = "parsing config_file"


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every verb has."""
    group = parser.add_argument_group("output")
    how_much = group.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="print warnings and errors only")
    how_much.add_argument("-v", "--verbose", action="store_true", help="also print the log lines of MONAI and details")
    group.add_argument("--log-file", metavar="FILE", help="append the log, and the traceback of an error, to FILE")
    group.add_argument("--debug", action="store_true", help="print the traceback of an error")


class Output:
    """The output of a verb. Use it as a context manager.

    Args:
        given: Parsed command line.

    Raises:
        OSError: If the log file cannot be written, on entering.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.quiet, self.verbose = given.quiet, given.verbose
        self.debug, self.log_file = given.debug, given.log_file
        self._file: logging.Handler | None = None
        self._until_end = ExitStack()

    def __enter__(self) -> Output:
        if self.log_file is not None:
            self._file = logging.FileHandler(self.log_file, encoding="utf-8")
            self._file.setFormatter(PrintableFormatter(logging.Formatter(_FORMAT)))
            self._until_end.callback(self._close)
        self._until_end.enter_context(_progress_bars(shown=not self.quiet and sys.stderr.isatty()))
        self._until_end.enter_context(self._warnings())
        self._until_end.enter_context(_console())
        self.set_loggers()
        return self

    def __exit__(self, *_: Any) -> None:
        self._until_end.close()

    def set_loggers(self) -> None:
        """Set the level of the loggers, and add the log file to those that do not pass on what they get."""
        known = {name: logging.getLogger(name) for name in (*_OWN, *logging.root.manager.loggerDict)}
        for name, logger in known.items():
            if name.split(".")[0] == "monai":
                logger.setLevel(logging.INFO if self.verbose else logging.WARNING)
        for logger in (known[name] for name in _OWN):
            logger.setLevel(self._level)
            for handler in logger.handlers:
                handler.setLevel(min(handler.level, self._level))
        if self._file is not None:
            for logger in (logging.root, *known.values()):
                # A logger that passes on what it gets reaches the file through the root.
                if logger is logging.root or (logger.handlers and not logger.propagate):
                    logger.addHandler(self._file)

    def info(self, text: str) -> None:
        """Print a line to standard output, unless the verb is quiet."""
        if not self.quiet:
            print(printable(text))
        self.log(text, logging.INFO)

    def traceback(self, text: str) -> None:
        """Show the text of a traceback: on standard error with ``--debug``, and in the log file."""
        if self.debug:
            print(text, end="", file=sys.stderr)
        self.log(text.rstrip("\n"))

    def error(self, message: str, cause: BaseException | None = None) -> None:
        """Print an error, which may have several lines, to standard error."""
        if cause is not None:
            self.traceback(printed_traceback(cause))
        print(*map(printable, f"error: {message}".splitlines()), sep="\n", file=sys.stderr)
        self.log(message)

    def log(self, text: str, level: int = logging.ERROR) -> None:
        """Write to the log file only."""
        if self._file is not None:
            lines = "\n".join(map(printable, text.splitlines()))
            self._file.handle(logging.LogRecord(__name__, level, "", 0, lines, None, None))

    @property
    def _level(self) -> int:
        if self.quiet:
            return logging.WARNING
        return logging.DEBUG if self.verbose else logging.INFO

    @contextmanager
    def _warnings(self) -> Iterator[None]:
        """Print warnings as one line each; MONAI's warning of configurations is left out."""
        with warnings.catch_warnings():
            if not self.debug:
                warnings.filterwarnings("ignore", message=_OF_CONFIGURATIONS)
                warnings.showwarning = self._show_warning
            yield

    def _show_warning(self, message: Warning | str, *_: Any, **__: Any) -> None:
        text = f"warning: {' '.join(str(message).split())}"
        print(printable(text), file=sys.stderr)
        self.log(text, logging.WARNING)

    def _close(self) -> None:
        for logger in (logging.root, *map(logging.getLogger, logging.root.manager.loggerDict)):
            if self._file is not None:
                logger.removeHandler(self._file)
        if self._file is not None:
            self._file.close()


def shown_folder(folder: str | Path) -> str:
    """Return a folder for a line that may be passed on: relative to the working directory, or its name, never absolute."""
    path = relative_to_here(folder)
    return f"the folder {Path(folder).name}" if path is None else str(path)


def relative_to_here(path: str | Path) -> Path | None:
    """Return a path relative to the working directory; None if it is absolute and leads elsewhere."""
    given, here = Path(path), Path.cwd()
    if not given.is_absolute():
        return given
    return given.relative_to(here) if given.is_relative_to(here) and ".." not in given.parts else None


def printed_traceback(error: BaseException) -> str:
    """Return the traceback of an error as printable lines."""
    text = "".join(traceback.format_exception(error))
    return "".join(f"{printable(line)}\n" for line in text.splitlines())


@contextmanager
def _progress_bars(shown: bool) -> Iterator[None]:
    """Let ``tqdm`` show no bar: in a file, or where another program reads standard error, bars are no help."""
    name = "TQDM_DISABLE"
    if shown or name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name, None)


@contextmanager
def _console() -> Iterator[None]:
    """Print log lines to standard error, until a bundle's ``logging.conf`` sets another handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter())
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)
