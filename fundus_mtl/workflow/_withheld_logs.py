"""Log lines and warnings of other libraries, whose text may contain the name of a patient's file."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_OWN = "fundus_mtl"  # our loggers log numbers and reasons without names
_WITHHELD = "text withheld, as it may contain names that id_mode hash hides"


@contextmanager
def withheld_logs() -> Iterator[None]:
    """Print other libraries' log lines and warnings without their text inside the ``with`` block, and no traceback.

    Libraries quote file names, also in warnings that they log with an exception. The name of the logger or the kind of the
    warning is printed instead, to help with debugging.
    """
    handlers = _handlers()
    for handler in handlers:
        handler.addFilter(_withhold)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(_withhold)


def _withhold(record: logging.LogRecord) -> bool:
    """Remove the text of a record in place: Python 3.11 takes no other record from a filter."""
    record.exc_info = record.exc_text = record.stack_info = None
    if record.name.split(".")[0] != _OWN:
        record.msg, record.args = f"{record.name}: {_WITHHELD}", None
    return True


def _show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    print(f"{category.__name__}: {_WITHHELD}", file=sys.stderr)


def _handlers() -> list[logging.Handler]:
    """Return the handlers of all loggers, and the one that Python uses where there is none."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    found = {handler for logger in loggers for handler in logger.handlers}
    return [*found, *([logging.lastResort] if logging.lastResort is not None else [])]
