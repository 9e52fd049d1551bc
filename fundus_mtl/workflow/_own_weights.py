"""The weights that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

OWN_BUNDLE = "refuge_mtl"


def own_weights() -> Path:
    """Return the weights that come with the package.

    Raises:
        FileNotFoundError: If none do.
    """
    path = Path(str(files("fundus_mtl.bundles"))) / OWN_BUNDLE / "models" / "model.pt"
    if not path.is_file():
        raise FileNotFoundError(
            "weights: expected a trained model, but got none, and none comes with this version; give --weights "
            "…/models/model.pt of a training (see the README; `make demo` writes one trained on phantoms to runs/demo)."
        )
    return path
