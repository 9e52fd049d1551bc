"""What is imported before it is needed: nothing heavy for a ``--help`` or for a package by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fundus_mtl.cli import parser
from fundus_mtl.cli._prepare import datasets

ROOT = Path(__file__).resolve().parents[2]
VERBS = list(parser().get_default("verbs"))
HEAVY = {
    *("torch", "monai", "ignite", "mlflow", "sklearn", "matplotlib", "pandas", "scipy", "skimage", "cv2"),
    *("SimpleITK", "nibabel", "pydicom", "joblib", "optuna", "jinja2", "highdicom"),
}
LATE = {"sklearn", "matplotlib", "mlflow", "pydicom", "SimpleITK", "nibabel", "highdicom", "optuna", "openpyxl"}
PACKAGES = sorted(path.parent.name for path in (ROOT / "fundus_mtl").glob("*/__init__.py"))


def imported(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has imported after some code."""
    code = f"import sys, contextlib\nwith contextlib.suppress(SystemExit):\n    {code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_the_help_of_a_verb_imports_nothing_heavy(arguments):
    found = imported(f"from fundus_mtl.cli import main; main({arguments})")
    assert "fundus_mtl" in found
    assert not found & (HEAVY | {"numpy", "yaml"})


@pytest.mark.parametrize("name", sorted(datasets()))
def test_the_help_of_a_data_set_imports_nothing_heavy(name):
    found = imported(f"from fundus_mtl.cli import main; main(['prepare', '{name}', '--help'])")
    assert "numpy" in found  # the module was imported
    assert not found & HEAVY
    assert not imported(f"from data_prep.{name} import main; main(['--help'])") & HEAVY


def test_a_package_imports_nothing_late_by_itself():
    """One process for all: packages of torch and MONAI may import these, but not what only some functions use."""
    lazy = "; ".join(f"import fundus_mtl.{name}" for name in PACKAGES if name not in TORCH)
    assert not imported(lazy) & HEAVY
    assert not imported("; ".join(f"import fundus_mtl.{name}" for name in TORCH)) & LATE


TORCH = ("aggregation", "autograd", "optim", "weighting")  # mathematics on tensors: nothing of it works without torch


@pytest.mark.parametrize(
    "statement",
    [
        "import fundus_mtl; fundus_mtl.__version__",
        "from fundus_mtl.data import read_datalist, write_datalist, assign_folds",
        "from fundus_mtl.photographs import scan_folder, UnreadableImageError",
        "from fundus_mtl.results import OutputError, exit_code",
        "from fundus_mtl.workflow import find_bundle, shared_items",
        "from fundus_mtl.comparison import plan, read_comparison",
        "from fundus_mtl.exports import export_refuge",
    ],
)
def test_a_name_imports_what_it_needs_only(statement):
    assert not imported(statement) & (LATE | {"torch", "monai", "ignite"})
