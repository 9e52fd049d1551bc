"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fundus_mtl.lazy_names import lazy_names

ROOT = Path(__file__).resolve().parents[1]
LAZY = sorted(
    path.parent.name for path in (ROOT / "fundus_mtl").glob("*/__init__.py") if "lazy_names(" in path.read_text()
)

INIT = """
from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

ORDINARY = 1
if TYPE_CHECKING:
    from planted import public
    from planted._one import first, second as renamed
    from planted._lost import lost
else:
    __getattr__, __dir__ = lazy_names(__name__)
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A package in which importing a file leaves a trace."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "_one.py").write_text("first, second = object(), 2\n")
    (folder / "_lost.py").write_text("other = 1\n")
    (folder / "public.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("planted")
    for name in [name for name in sys.modules if name.split(".")[0] == "planted"]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_used_and_kept(planted):
    assert "planted._one" not in sys.modules
    found = planted.first
    assert sys.modules["planted._one"].first is found
    assert vars(planted)["first"] is found  # without a second call of __getattr__
    assert planted.renamed == 2
    assert "planted.public" not in sys.modules
    assert planted.public.answer == 42


def test_all_names_are_listed_before_they_are_imported(planted):
    assert {"first", "renamed", "public", "lost", "ORDINARY"} <= set(dir(planted))
    assert "planted._one" not in sys.modules


def test_an_unknown_name_is_an_attribute_error(planted):
    with pytest.raises(AttributeError, match="module 'planted' has no attribute 'second'"):
        _ = planted.second
    with pytest.raises(AttributeError, match="'lost'"):  # named by the package, missing in its file
        _ = planted.lost
    assert not hasattr(planted, "__path_of_nothing__")
    with pytest.raises(ImportError):
        from planted import nothing  # noqa: F401


def test_a_module_that_was_not_imported_is_refused():
    with pytest.raises(KeyError):
        lazy_names("not_imported_anywhere")


@pytest.mark.parametrize("name", LAZY)
def test_every_public_name_is_there(name):
    package = importlib.import_module(f"fundus_mtl.{name}")
    assert package.__all__
    assert {public: getattr(package, public) is not None for public in package.__all__} == dict.fromkeys(
        package.__all__, True
    )
    assert set(package.__all__) <= set(dir(package))


def test_most_packages_are_lazy():
    assert {"data", "metrics", "photographs", "transforms", "results", "workflow", "figures", "comparison"} <= set(LAZY)


def test_importing_the_package_is_cheap():
    code = "import sys; before = set(sys.modules); import fundus_mtl; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {name for name in found if name.split(".")[0] in ("torch", "numpy", "monai")}
