"""The state of a training, read from its folder: finished, trained, started, or with other settings."""

from __future__ import annotations

import json
from dataclasses import asdict

from fundus_mtl.comparison._data_note import check_data
from fundus_mtl.comparison._training import Training
from fundus_mtl.files import write_whole

DONE_FILE = "done.json"  # trained and evaluated
TRAINED_FILE = "trained.json"
SETTINGS_FILE = "settings.json"
STATE = "state"  # folder of the checkpoints


class OtherSettingsError(ValueError):
    """A folder holds results of other settings."""


def check_settings(training: Training) -> None:
    """Raise an error if a folder holds a network of other settings, or of data that have changed since.

    A folder in which nothing was trained yet is accepted, and so is a change of the evaluation alone.

    Raises:
        OtherSettingsError: if the settings differ; the message names the folder.
        OtherDataError: if a data file has changed; the message names the folder and the file.
    """
    if not (training.folder / TRAINED_FILE).is_file() and not has_state(training):
        return
    check_data(training.folder, training.name)
    if (training.folder / SETTINGS_FILE).is_file() and not _matches(training, SETTINGS_FILE, "trained_digest"):
        where = "/".join(training.folder.parts[-3:])
        raise OtherSettingsError(
            f"{training.name}: expected the settings that {where} was made with, but got others; choose another output_dir, "
            "or remove that folder."
        )


def is_done(training: Training) -> bool:
    """Return whether the training is finished, with these settings."""
    return _matches(training, DONE_FILE, "digest")


def is_trained(training: Training) -> bool:
    """Return whether only the evaluation is missing."""
    return _matches(training, TRAINED_FILE, "trained_digest")


def has_state(training: Training) -> bool:
    """Return whether there is a checkpoint to resume from; a resumed training calls the same function."""
    folder = training.folder / STATE
    if not any(folder.glob("*.pt")):
        return False
    from fundus_mtl.handlers import latest_checkpoint  # imports MONAI

    try:
        return latest_checkpoint(folder) is not None
    except FileNotFoundError:
        return False


def note(training: Training, name: str) -> None:
    """Write the settings of the training into one of the files above."""
    content = {"digest": training.digest, "trained_digest": training.trained_digest, "training": asdict(training)}
    write_whole(training.folder / name, json.dumps(content, indent=2, default=str) + "\n")


def _matches(training: Training, name: str, digest: str) -> bool:
    path = training.folder / name
    return path.is_file() and bool(json.loads(path.read_text())[digest] == getattr(training, digest))
