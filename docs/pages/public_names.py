"""Public names of a module of ``fundus_mtl``, read from its source without importing it."""

from __future__ import annotations

import ast
from pathlib import Path

from docs.pages.sources import ROOT

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


def api(module: str) -> str:
    """Return the page of a module's public classes and functions, for mkdocstrings; constants are only named."""
    name = f"fundus_mtl.{module}"
    tree = _parsed(name)
    places = _places(name, tree)
    documented, constants = [], []
    for public in _public(tree):
        place = places.get(public, name)
        (documented if public in _definitions(_parsed(place)) else constants).append((place, public))
    members = "".join(f"\n\n::: {place}.{public}\n" for place, public in documented)
    named = f"\n\nConstants: {', '.join(f'`{public}`' for _, public in constants)}." if constants else ""
    return f"# {name}\n\n{ast.get_docstring(tree) or ''}{named}{members}"


def _parsed(name: str) -> ast.Module:
    path = ROOT.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else Path(f"{path}.py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _public(tree: ast.Module) -> list[str]:
    """Return ``__all__``; without it, the definitions that are not private."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return [str(one) for one in ast.literal_eval(node.value)]
    return [name for name in _definitions(tree) if not name.startswith("_")]


def _places(name: str, tree: ast.Module) -> dict[str, str]:
    """Return the module that each imported name is defined in; imports below ``if TYPE_CHECKING`` count."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module)
    return {alias.name: node.module for node in nodes if node.module.startswith(name) for alias in node.names}


def _definitions(tree: ast.Module) -> list[str]:
    return [node.name for node in tree.body if isinstance(node, _DEFINITIONS)]
