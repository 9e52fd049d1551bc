"""What a run was made with: versions and hashes, and nothing that names a user, a machine or a folder."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import fundus_mtl
from fundus_mtl.notices import DISCLAIMER, SOFTWARE
from fundus_mtl.results._makers import check_model

PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "scipy", "scikit-image", "opencv-python", "pillow")
IDENTITY = ("software_version", "model", "config_sha256", "tasks", "options")


def provenance(
    model: Mapping[str, str],
    config_sha256: str,
    tasks: Mapping[str, str | None],
    options: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return what a run's record begins with.

    Args:
        model: ``id`` and ``sha256`` of the weights.
        config_sha256: of the merged configuration.
        tasks: task by role.
        options: others that rows depend on.
        stages: models that look again, with ``id``, ``sha256`` and the ``roles`` that they answer.

    Raises:
        ValueError: if the model's id is a path, which would tell where it lies.
    """
    check_model(model)
    return {
        "software": SOFTWARE,
        "software_version": fundus_mtl.__version__,
        "python": platform.python_version(),
        "platform": sys.platform,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "model": dict(model),
        "stages": [{**stage, "roles": list(stage["roles"])} for stage in stages],
        "config_sha256": config_sha256,
        "tasks": dict(tasks),
        "options": dict(options or {}),
        "disclaimer": DISCLAIMER,
    }


def stamp(run: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a run's record that every row carries."""
    model = {f"model_{key}": value for key, value in run["model"].items()}
    further = ";".join(f"{name}={digest}" for name, digest in run["options"].get("further_models", {}).items())
    versions = {"software_version": run["software_version"], "config_sha256": run["config_sha256"]}
    return model | {"further_sha256": further} | versions


def identity(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a record that two runs must share for their rows to stand in one table."""
    return {what: run.get(what) for what in IDENTITY}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # opencv has several distributions
        return None
