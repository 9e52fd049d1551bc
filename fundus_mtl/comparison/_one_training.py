"""Do one training: not again if it is done, further if it was stopped, anew if nothing is there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fundus_mtl.comparison._children import Children
from fundus_mtl.comparison._lock import LockedError, locked
from fundus_mtl.comparison._training import Place, Training, evaluate_command, train_command
from fundus_mtl.whole_file import whole_file

DONE_FILE = "done.json"  # trained and evaluated
TRAINED_FILE = "trained.json"
SETTINGS_FILE = "settings.json"
LOG_FILE = "log.txt"
STATE = "state"  # folder of the checkpoints
_LONGEST = 300  # characters of a reason
_PATH = re.compile(r"(?<![\w.])~?/[^\s'\",;:]*/(?=[^\s/])")


class OtherSettingsError(ValueError):
    """A folder holds the results of other settings."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Args:
        status: ``finished`` or ``failed``.
        reason: of a failure, else empty.
        repeated: whether anything was done, or it was finished before.
    """

    status: str
    reason: str = ""
    repeated: bool = True


def check_settings(training: Training) -> None:
    """Refuse a folder that holds a network of other settings.

    Where nothing was trained yet, or only the evaluation is another one, nothing is lost, and nothing is refused.

    Raises:
        OtherSettingsError: naming the folder.
    """
    file = training.folder / SETTINGS_FILE
    holds = (training.folder / TRAINED_FILE).is_file() or _has_state(training)
    if holds and file.is_file() and json.loads(file.read_text())["trained_digest"] != training.trained_digest:
        where = "/".join(training.folder.parts[-3:])
        raise OtherSettingsError(
            f"{training.name}: expected the settings that {where} was made with, but got others; take another output_dir, "
            "or remove that folder."
        )


def is_done(training: Training, file: str = DONE_FILE) -> bool:
    """Whether the training is finished, with these settings."""
    return _says(training.folder / file, "digest", training.digest)


def do_training(training: Training, place: Place, children: Children, tidy: Callable[[Path, str], None]) -> Outcome:
    """Train and evaluate as far as that is not done yet.

    Args:
        training: what to do.
        place: where to do it.
        children: that run the commands.
        tidy: is given the folder and MLflow's word for how it ended, whatever the commands could not say themselves.
    """
    if is_done(training):
        return Outcome("finished", repeated=False)
    try:
        with locked(training.folder) as lock:
            check_settings(training)
            _write(training, SETTINGS_FILE)
            outcome = _run(training, place, children, lock, tidy)
            if outcome.status == "finished":
                _write(training, DONE_FILE)
                shutil.rmtree(training.folder / STATE, ignore_errors=True)  # nobody goes on from there
            return outcome
    except (LockedError, OtherSettingsError) as error:
        return Outcome("failed", str(error))


def _run(training: Training, place: Place, children: Children, lock: int, tidy: Callable[[Path, str], None]) -> Outcome:
    word = "KILLED"
    try:
        for step in (_train, _evaluate):
            if reason := step(training, place, children, lock):
                word = "FAILED"
                return Outcome("failed", reason)
        word = "FINISHED"
        return Outcome("finished")
    finally:
        tidy(training.folder, word)


def _train(training: Training, place: Place, children: Children, lock: int) -> str:
    """Train, and note it; return why that failed."""
    if _says(training.folder / TRAINED_FILE, "trained_digest", training.trained_digest):
        return ""
    resume = _has_state(training)
    reason = _call(train_command(training, place, resume), training.folder / LOG_FILE, children, lock)
    if not reason:
        _write(training, TRAINED_FILE)
    return reason and f"training: {reason}"


def _evaluate(training: Training, place: Place, children: Children, lock: int) -> str:
    """Evaluate, if that is wanted; return why that failed."""
    if training.evaluate_args is None:
        return ""
    reason = _call(evaluate_command(training, place), training.folder / LOG_FILE, children, lock)
    return reason and f"evaluation: {reason}"


def _call(command: Sequence[str], log: Path, children: Children, lock: int) -> str:
    """Run a command; return why it failed."""
    start = log.stat().st_size if log.is_file() else 0
    status = children.run(command, log, [lock])
    return _reason(log, start, status) if status else ""


def _has_state(training: Training) -> bool:
    return any((training.folder / STATE).glob("*.pt"))


def _says(path: Path, key: str, digest: str) -> bool:
    return path.is_file() and bool(json.loads(path.read_text())[key] == digest)


def _write(training: Training, name: str) -> None:
    told = {"digest": training.digest, "trained_digest": training.trained_digest, "training": asdict(training)}
    with whole_file(training.folder / name) as partial:
        partial.write_text(json.dumps(told, indent=2, default=str) + "\n")


def _reason(log: Path, start: int, status: int) -> str:
    """Return the last line that the command said, without folders."""
    with log.open("rb") as file:
        file.seek(start)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    if status < 0:
        return f"ended by signal {-status}"
    said = [line for line in lines if line.startswith("error: ")] or lines[-1:] or ["it said nothing"]
    return _PATH.sub("", said[-1].removeprefix("error: "))[:_LONGEST] + f" (exit status {status})"
