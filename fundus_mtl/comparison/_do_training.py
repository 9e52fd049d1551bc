"""Run one training: skip it if it is finished, resume it if it was stopped."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fundus_mtl.comparison._data_note import OtherDataError, check_data
from fundus_mtl.comparison._training import Place, Training, evaluate_command, train_command
from fundus_mtl.comparison._training_folder import (
    DONE_FILE,
    SETTINGS_FILE,
    STATE,
    TRAINED_FILE,
    OtherSettingsError,
    check_settings,
    has_state,
    is_done,
    is_trained,
    note,
)
from fundus_mtl.processes import ChildProcesses, LockedError, locked

LOG_FILE = "log.txt"
_LONGEST = 300  # characters of a reason
_PATH = re.compile(r"(?<![\w.])~?/[^\s'\",;:]*/(?=[^\s/])")


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Args:
        status: ``finished`` or ``failed``.
        reason: reason of a failure, otherwise empty.
        was_run: whether this call ran a command; False if the training was finished before.
    """

    status: str
    reason: str = ""
    was_run: bool = True


def do_training(
    training: Training, place: Place, children: ChildProcesses, close_run: Callable[[Path, str], None]
) -> Outcome:
    """Train and evaluate, and skip what is finished.

    Args:
        training: training to run.
        place: device and parent run.
        children: child processes that run the commands.
        close_run: called at the end with the folder and MLflow's status, for commands that could not set it themselves.
    """
    try:
        if is_done(training):
            check_data(training.folder, training.name)
            return Outcome("finished", was_run=False)
        with locked(training.folder) as lock:
            check_settings(training)
            note(training, SETTINGS_FILE)
            outcome = _run(training, place, children, lock, close_run)
            if outcome.status == "finished":
                note(training, DONE_FILE)
                shutil.rmtree(training.folder / STATE, ignore_errors=True)  # not needed any more
            return outcome
    except (LockedError, OtherDataError, OtherSettingsError) as error:
        return Outcome("failed", str(error))


def _run(
    training: Training, place: Place, children: ChildProcesses, lock: int, close_run: Callable[[Path, str], None]
) -> Outcome:
    status = "KILLED"
    try:
        for step in (_train, _evaluate):
            if reason := step(training, place, children, lock):
                status = "FAILED"
                return Outcome("failed", reason)
        status = "FINISHED"
        return Outcome("finished")
    finally:
        close_run(training.folder, status)


def _train(training: Training, place: Place, children: ChildProcesses, lock: int) -> str:
    """Train, and mark the folder as trained; return the reason of a failure."""
    if is_trained(training):
        return ""
    resume = has_state(training)
    reason = _call(train_command(training, place, resume), training.folder / LOG_FILE, children, lock)
    if not reason:
        note(training, TRAINED_FILE)
    return reason and f"training: {reason}"


def _evaluate(training: Training, place: Place, children: ChildProcesses, lock: int) -> str:
    """Evaluate, if the training has an evaluation; return the reason of a failure."""
    if training.evaluate_args is None:
        return ""
    check_data(training.folder, training.name)  # the training may have taken days
    reason = _call(evaluate_command(training, place), training.folder / LOG_FILE, children, lock)
    return reason and f"evaluation: {reason}"


def _call(command: Sequence[str], log: Path, children: ChildProcesses, lock: int) -> str:
    """Run a command; return the reason of a failure."""
    start = log.stat().st_size if log.is_file() else 0
    status = children.run(command, log, [lock])
    return _reason(log, start, status) if status else ""


def _reason(log: Path, start: int, status: int) -> str:
    """Return the last line of the command's output, without folders."""
    with log.open("rb") as file:
        file.seek(start)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    if status < 0:
        return f"ended by signal {-status}"
    messages = [line for line in lines if line.startswith("error: ")] or lines[-1:] or ["no output"]
    return _PATH.sub("", messages[-1].removeprefix("error: "))[:_LONGEST] + f" (exit status {status})"
