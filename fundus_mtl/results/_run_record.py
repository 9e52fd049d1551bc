"""The record of a run: versions and hashes, and nothing that names a user, a machine or a folder."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fundus_mtl.notices import DISCLAIMER, SOFTWARE, VERSION
from fundus_mtl.results._facts import KnownFacts
from fundus_mtl.results._layout import Layout
from fundus_mtl.results._makers import check_model
from fundus_mtl.results._measure import Measure
from fundus_mtl.results._run_options import Provenance, RunOptions

PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "scipy", "scikit-image", "opencv-python", "pillow")
IDENTITY = ("software_version", "model", "config_sha256", "tasks", "options")


def run_record(
    model: Mapping[str, str], provenance: Provenance, measure: Measure, facts: KnownFacts, options: RunOptions
) -> dict[str, Any]:
    """Return the first part of ``run.json``.

    Args:
        model: ``id`` and ``sha256`` of the weights.
        provenance: What else shapes the answers.
        measure: How photographs are measured, with its roles.
        facts: Where facts about the photographs come from.
        options: Options of the run.

    Raises:
        ValueError: If the model's id is a path, which would reveal where it lies.
    """
    check_model(model)
    layout = Layout.of(measure)
    return {
        "software": SOFTWARE,
        "software_version": VERSION,
        "python": platform.python_version(),
        "platform": sys.platform,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "model": dict(model),
        "stages": [{**stage, "roles": list(stage["roles"])} for stage in provenance.used_stages],
        "cards": [asdict(card) for card in provenance.cards if card is not None],
        "config_sha256": provenance.config_sha256,
        "tasks": measure.tasks,
        "unanswered": measure.unanswered,
        "folders": list(layout.folders),
        "exported": layout.exported(),
        "shown": [shown._asdict() for shown in layout.shown],
        "options": {
            "id_mode": options.id_mode,
            "export_burned_in": options.export_burned_in,
            "mm_per_px": facts.mm_per_px,
            "further_models": provenance.used_further,
        },
        "disclaimer": DISCLAIMER,
    }


def stamp(run: Mapping[str, Any]) -> dict[str, str]:
    """Return the values from a run's record that every row has."""
    model = {f"model_{key}": value for key, value in run["model"].items()}
    further = ";".join(f"{name}={digest}" for name, digest in run["options"].get("further_models", {}).items())
    versions = {"software_version": run["software_version"], "config_sha256": run["config_sha256"]}
    return model | {"further_sha256": further} | versions


def identity(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a record that must be the same if one run is to resume the other."""
    return {what: run.get(what) for what in IDENTITY}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # opencv has several distributions
        return None
