"""Say in one line what went wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fundus_mtl.workflow._root_cause import config_id, explain

_LONGEST = 600  # characters; PyTorch lists every key of a state_dict that does not fit


class RefusedError(ValueError):
    """Input that the user can mend; its text is the whole story, so that no traceback is shown."""


class WorkflowError(SystemExit):
    """The end of a workflow that went wrong; ``str()`` is the message, the ``__cause__`` is the original exception.

    It is a ``SystemExit``, so that the stock command ends with status 2 and without a second traceback. Catch it by
    name.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 2


@contextmanager
def one_line(config: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Turn an exception into `WorkflowError`: traceback first, for the developer, then one line with the root cause.

    Args:
        config: in which a missing reference is looked for under similar names.

    Raises:
        WorkflowError: instead of any ``Exception``; Ctrl-C and ``SystemExit`` pass.
    """
    try:
        yield
    except RefusedError as error:
        _end(str(error), error)
    except Exception as error:
        traceback.print_exception(error)
        where = config_id(error)
        _end(f"{where}: {explain(error, config or {})}" if where else explain(error, config or {}), error)


def _end(message: str, error: Exception) -> None:
    line = " ".join(message.split())
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
    sys.stdout.flush()
    print(f"error: {line}", file=sys.stderr, flush=True)
    raise WorkflowError(line) from error
