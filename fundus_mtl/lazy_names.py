"""Public names that a package imports when they are first used, so that importing the package is cheap (PEP 562)."""

from __future__ import annotations

import ast
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any


def lazy_names(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__`` for the names it imports under ``if TYPE_CHECKING:``.

    Type checkers, editors and import-linter read that block as ordinary imports; when the program runs, each import is done
    when its name is first used. The names are listed once. A package writes in its ``__init__.py``::

        if TYPE_CHECKING:
            from fundus_mtl.data._folds import assign_folds
        else:
            __getattr__, __dir__ = lazy_names(__name__)

    Args:
        package: Name of the package, ``__name__``.

    Raises:
        AttributeError: By the returned ``__getattr__``, if the package has no such name.
    """
    module = sys.modules[package]
    loader = getattr(module.__spec__, "loader", None)
    origins = dict(_type_checking_imports(ast.parse(loader.get_source(package)))) if loader else {}

    def get_name(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        source, original = origins[name]
        if source == package:  # a public module of the package itself
            return _imported(f"{package}.{original}")
        value = getattr(_imported(source), original)
        setattr(module, name, value)  # found without this function from now on
        return value

    return get_name, lambda: sorted({*vars(module), *origins})


def _imported(module: str) -> ModuleType:
    """Import a module without garbage collection.

    torch and MONAI make a million objects that stay. Looking for garbage among them again and again takes a fifth of the
    processor time of their import.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        if collecting:
            gc.enable()


def _type_checking_imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each name with the module and the name that it is imported from."""
    blocks = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    for statement in (statement for block in blocks for statement in block.body):
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                yield alias.asname or alias.name, (statement.module, alias.name)
