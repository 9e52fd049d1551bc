"""The weights that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

FIRST, STAGES = "refuge_mtl", {"disc_weights": "refuge_disc_mtl"}


class OwnWeights(NamedTuple):
    """Weights of the first network, and the items of ``inference.yaml`` that name those of further stages."""

    first: Path
    stages: dict[str, str]

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a user's options with the further stages, unless the user has set them."""
        return {**self.stages, **given}


def own_weights() -> OwnWeights:
    """Return the weights that come with the package.

    Raises:
        FileNotFoundError: If they are not installed.
    """
    bundles = Path(str(files("fundus_mtl.bundles")))
    paths = {item: bundles / bundle / "models" / "model.pt" for item, bundle in {"": FIRST, **STAGES}.items()}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise FileNotFoundError(
            f"weights: expected {missing[0].parents[1].name}/models/model.pt in the package, but it is not there; "
            "install the package again, or give --weights …/models/model.pt of a training."
        )
    return OwnWeights(paths.pop(""), {item: str(path) for item, path in paths.items()})
