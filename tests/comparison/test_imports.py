"""Importing a package imports only what it needs: heavy libraries come with the functions that use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "pandas", "sklearn", "mlflow", "torch", "monai", "ignite", "jinja2", "optuna")


@pytest.mark.parametrize("package", ["comparison", "figures", "processes", "tracking"])
def test_a_package_alone_is_cheap(package):
    code = f"import sys, fundus_mtl.{package}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert found.stdout.strip() == "[]"
