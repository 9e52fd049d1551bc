"""A bar over the files of a folder, also over those that cannot be read."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events

from fundus_mtl.data import FolderSamples


class FolderProgress:
    """Show on standard error how many files are done, of how many, and how long the rest will take.

    ignite's bar would not know the number of all, since `FolderSamples` has no length.

    Args:
        samples: that the engine runs over.
        desc: at the left of the bar.
    """

    def __init__(self, samples: FolderSamples, desc: str = "photographs") -> None:
        self.samples = samples
        self.desc = desc
        self._bar: Any = None

    def attach(self, engine: Engine) -> None:
        """Listen to an evaluator."""
        engine.add_event_handler(Events.STARTED, self._open)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._move)
        for event in (Events.COMPLETED, Events.TERMINATE, Events.INTERRUPT):  # no listener may swallow exceptions
            engine.add_event_handler(event, self._close)

    def _open(self) -> None:
        from tqdm import tqdm

        self._close()
        self._bar = tqdm(total=len(self.samples.items), desc=self.desc, unit="file")

    def _move(self) -> None:
        self._bar.update(self.samples.done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._move()  # the last files may have failed, without an iteration
            self._bar.close()
            self._bar = None
