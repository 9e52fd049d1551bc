"""What the tests of the page share."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sample():
    """The sample photograph of the package."""
    return Path(str(files("fundus_mtl.data_prep"))) / "samples" / "retina.jpg"
