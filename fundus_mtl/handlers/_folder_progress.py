"""A progress bar over the files of a folder, including unreadable ones."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events

from fundus_mtl.data import FolderSamples


class FolderProgress:
    """Show on standard error the number of finished files, of all files, and the remaining time.

    ignite's progress bar cannot show the number of all files, because `FolderSamples` has no length.

    Args:
        samples: samples that the engine iterates over.
        desc: text at the left of the bar.
    """

    def __init__(self, samples: FolderSamples, desc: str = "photographs") -> None:
        self.samples = samples
        self.desc = desc
        self._bar: Any = None

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.STARTED, self._open)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._move)
        for event in (
            Events.COMPLETED,
            Events.TERMINATE,
            Events.INTERRUPT,
        ):  # not EXCEPTION_RAISED, which would swallow exceptions
            engine.add_event_handler(event, self._close)

    def _open(self) -> None:
        from tqdm import tqdm

        self._close()
        self._bar = tqdm(total=len(self.samples.items), desc=self.desc, unit="file")

    def _move(self) -> None:
        self._bar.update(self.samples.done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._move()  # the last files may have failed, which causes no iteration
            self._bar.close()
            self._bar = None
