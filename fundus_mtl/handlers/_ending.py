"""Know how an engine's run ended."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events


def on_end(engine: Engine, report: Callable[[str], None]) -> None:
    """Call ``report`` after every ``engine.run()``, when all its handlers are done.

    An EXCEPTION_RAISED handler would not do: ignite 0.5 stops at the first of those that raises, and swallows the
    exception if none does.

    Args:
        engine: whose ``run`` is wrapped.
        report: is given MLflow's word: ``FINISHED``; ``KILLED`` after Ctrl-C or an exit; ``FAILED`` after any other
            exception, also one that a handler swallowed so that the engine never completed.
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
