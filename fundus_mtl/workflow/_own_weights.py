"""The weights that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

FIRST, STAGES = "refuge_mtl", {"disc_weights": "refuge_disc_mtl"}
VESSELS = {"vessel_weights": "hrf_av_mtl"}  # on request: they take longer than all others together


class OwnWeights(NamedTuple):
    """Weights of the first network, and the items of ``inference.yaml`` that name those of further stages."""

    first: Path
    stages: dict[str, str]

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a user's options with the further stages, unless the user has set them."""
        return {**self.stages, **given}


def own_weights() -> OwnWeights:
    """Return the weights that come with the package and are used if a user gives none.

    Raises:
        FileNotFoundError: If they are not installed.
    """
    return OwnWeights(_installed(FIRST), {item: str(_installed(bundle)) for item, bundle in STAGES.items()})


def with_own_vessels(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's options with the vessel weights that come with the package, unless the user has set others.

    Raises:
        FileNotFoundError: If they are not installed.
    """
    return {**{item: str(_installed(bundle)) for item, bundle in VESSELS.items() if item not in given}, **given}


def _installed(bundle: str) -> Path:
    path = Path(str(files("fundus_mtl.bundles"))) / bundle / "models" / "model.pt"
    if not path.is_file():
        raise FileNotFoundError(
            f"weights: expected {bundle}/models/model.pt in the package, but it is not there; install the package again, "
            "or give the weights of a training."
        )
    return path
