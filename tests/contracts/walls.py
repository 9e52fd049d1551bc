"""Contracts of import-linter that its own types cannot express; pyproject.toml names them under ``contract_types``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output

Breach = tuple[str, str, int]  # importer, imported, line


class _WallContract(Contract):
    """A contract about each import by itself."""

    advice = ""
    is_breach: Callable[[ImportGraph, str, str], bool]

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return every import that is a breach."""
        breaches = sorted(self._breaches(graph))
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def _breaches(self, graph: ImportGraph) -> Iterator[Breach]:
        roots = tuple(self.session_options["root_packages"])
        for importer in graph.modules:
            for imported in graph.find_modules_directly_imported_by(importer):
                if imported.split(".")[0] in roots and self.is_breach(graph, importer, imported):
                    for found in graph.get_import_details(importer=importer, imported=imported):
                        yield importer, imported, found["line_number"]

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the breaches and what to do."""
        for importer, imported, line in check.metadata["breaches"]:
            output.print_error(f"{importer} (l. {line}) imports {imported}; {self.advice}")


class PrivateModulesContract(_WallContract):
    """A module with a leading underscore is imported only from inside the package that it lies in."""

    advice = "import the public name from its package instead."

    @staticmethod
    def is_breach(graph: ImportGraph, importer: str, imported: str) -> bool:
        """Return whether a part of the imported name is private and its package is not the importer's."""
        parts = imported.split(".")
        private = next((place for place, part in enumerate(parts) if part.startswith("_")), None)
        return private is not None and not f"{importer}.".startswith(f"{'.'.join(parts[:private])}.")


class OwnPackageContract(_WallContract):
    """A module does not import the package that it lies in: a circle, even where names are imported lazily.

    ``__main__`` is exempt, since nothing imports it.
    """

    advice = "import from the module that defines the name."

    @staticmethod
    def is_breach(graph: ImportGraph, importer: str, imported: str) -> bool:
        """Return whether the imported package contains the importer."""
        return importer.startswith(f"{imported}.") and not importer.endswith(".__main__")
