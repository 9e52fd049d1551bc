"""Every contract of pyproject.toml fails on a breach that is planted in a copy of the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
# Contract: file, planted import, what the report names. All are planted at once; each breaks its own contract.
BREACHES = {
    "The floors of docs/architecture.md": (
        "fundus_mtl/networks/_planted.py",
        "from fundus_mtl.engines import JointTrainer",
        "fundus_mtl.networks is not allowed to import fundus_mtl.engines",
    ),
    "The ground floor is mathematics: no MONAI, ignite or MLflow": (
        "fundus_mtl/aggregation/_planted.py",
        "import monai",
        "fundus_mtl.aggregation is not allowed to import monai",
    ),
    "Services know neither MONAI nor ignite": (
        "fundus_mtl/tracking/_planted.py",
        "from ignite.engine import Engine",
        "fundus_mtl.tracking is not allowed to import ignite",
    ),
    "Tracking alone knows MLflow": (
        "fundus_mtl/handlers/_another.py",
        "import mlflow",
        "fundus_mtl.handlers._another -> mlflow (l.1)",
    ),
    "The page alone knows a web server": (
        "fundus_mtl/results/_planted.py",
        "import starlette",
        "fundus_mtl.results._planted -> starlette (l.1)",
    ),
    "The package does not know its assembly": (
        "fundus_mtl/handlers/_planted.py",
        "import data_prep.refuge",
        "fundus_mtl is not allowed to import data_prep",
    ),
    "No package imports a private module of another": (
        "fundus_mtl/comparison/_planted.py",
        "from fundus_mtl.files._hash import file_sha256",
        "fundus_mtl.comparison._planted (l. 1) imports fundus_mtl.files._hash",
    ),
    "No module imports its own package": (
        "fundus_mtl/weighting/_planted.py",
        "from fundus_mtl.weighting import Sum",
        "fundus_mtl.weighting._planted (l. 1) imports fundus_mtl.weighting",
    ),
    "No circles inside a package": (
        "fundus_mtl/metrics/_dice.py",
        "from fundus_mtl.metrics._comparison import centre",  # which imports _dice
        "No cycles are allowed in fundus_mtl.metrics",
    ),
}


def copied(folder: Path) -> Path:
    for package in ("fundus_mtl", "data_prep", "tests/contracts"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> str:
    """Return what ``lint-imports`` prints in a folder, its lines joined."""
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> str:
    folder = copied(tmp_path_factory.mktemp("planted"))
    for path, line, _ in BREACHES.values():
        file = folder / path
        file.write_text(f"{line}\n{file.read_text() if file.is_file() else ''}")
    return lint(folder)


def test_every_contract_has_its_breach():
    assert list(BREACHES) == NAMES


@pytest.mark.parametrize("contract", NAMES)
def test_a_planted_breach_breaks_its_contract(report, contract):
    assert f"{contract} BROKEN" in report
    assert BREACHES[contract][2] in report


def test_a_new_package_must_have_a_floor(tmp_path):
    folder = copied(tmp_path)
    (folder / "fundus_mtl" / "utils").mkdir()
    (folder / "fundus_mtl" / "utils" / "__init__.py").touch()
    assert "not listed as layers: - fundus_mtl.utils" in lint(folder)


def test_without_a_breach_all_are_kept(tmp_path):
    """Otherwise the tests above would show nothing."""
    assert f"Contracts: {len(NAMES)} kept, 0 broken" in lint(copied(tmp_path))
