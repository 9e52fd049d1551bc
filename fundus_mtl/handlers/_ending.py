"""Report how the run of an engine ended."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events


def on_end(engine: Engine, report: Callable[[str], None]) -> None:
    """Call ``report`` after every ``engine.run()``, when all its handlers have finished.

    An EXCEPTION_RAISED handler cannot be used: ignite 0.5 stops at the first one that raises, and swallows the exception
    if none does.

    Args:
        engine: engine whose ``run`` is wrapped.
        report: function that is called with a status of MLflow: ``FINISHED``; ``KILLED`` after Ctrl-C or an exit;
            ``FAILED`` after any other exception, also if a handler swallowed it and the engine did not complete.
    """
    run = engine.run
    completed: list[bool] = []
    engine.add_event_handler(Events.COMPLETED, lambda: completed.append(True))

    @functools.wraps(run)
    def reported(*args: Any, **kwargs: Any) -> Any:
        completed.clear()
        status = "FAILED"
        try:
            result = run(*args, **kwargs)
            status = "FINISHED" if completed else "FAILED"
            return result
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        finally:
            report(status)

    engine.run = reported
