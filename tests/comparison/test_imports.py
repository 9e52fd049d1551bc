"""The modules of these packages import heavy libraries only in the functions that use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("matplotlib", "pandas", "sklearn", "mlflow", "torch", "monai", "ignite", "jinja2", "optuna")
CODE = """
import importlib, pkgutil, sys
package = importlib.import_module("fundus_mtl.{package}")
for module in pkgutil.iter_modules(package.__path__):
    importlib.import_module("fundus_mtl.{package}." + module.name)
print([name for name in {heavy} if name in sys.modules])
"""


@pytest.mark.parametrize("package", ["comparison", "figures", "processes", "tracking"])
def test_all_modules_of_a_package_are_cheap(package):
    code = CODE.format(package=package, heavy=HEAVY)
    found = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert found.stdout.strip() == "[]"
