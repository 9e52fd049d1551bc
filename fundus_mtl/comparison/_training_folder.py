"""What the folder of a training says about it: finished, trained, begun, or made with something else."""

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
    """A folder holds the results of other settings."""


def check_settings(training: Training) -> None:
    """Refuse a folder that holds a network of other settings, or of data that have changed since.

    Where nothing was trained yet, or only the evaluation is another one, nothing is lost, and nothing is refused.

    Raises:
        OtherSettingsError: naming the folder.
        OtherDataError: naming the folder and the file.
    """
    if not (training.folder / TRAINED_FILE).is_file() and not has_state(training):
        return
    check_data(training.folder, training.name)
    if (training.folder / SETTINGS_FILE).is_file() and not _says(training, SETTINGS_FILE, "trained_digest"):
        where = "/".join(training.folder.parts[-3:])
        raise OtherSettingsError(
            f"{training.name}: expected the settings that {where} was made with, but got others; take another output_dir, "
            "or remove that folder."
        )


def is_done(training: Training) -> bool:
    """Whether the training is finished, with these settings."""
    return _says(training, DONE_FILE, "digest")


def is_trained(training: Training) -> bool:
    """Whether only its evaluation is left to do."""
    return _says(training, TRAINED_FILE, "trained_digest")


def has_state(training: Training) -> bool:
    """Whether a resumed training would find where to go on: it asks the same function."""
    folder = training.folder / STATE
    if not any(folder.glob("*.pt")):
        return False
    from fundus_mtl.handlers import latest_checkpoint  # brings MONAI

    try:
        return latest_checkpoint(folder) is not None
    except FileNotFoundError:
        return False


def note(training: Training, name: str) -> None:
    """Write what the training is into one of the files above."""
    told = {"digest": training.digest, "trained_digest": training.trained_digest, "training": asdict(training)}
    write_whole(training.folder / name, json.dumps(told, indent=2, default=str) + "\n")


def _says(training: Training, name: str, digest: str) -> bool:
    path = training.folder / name
    return path.is_file() and bool(json.loads(path.read_text())[digest] == getattr(training, digest))
