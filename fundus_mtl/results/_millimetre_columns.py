"""Columns in mm, where the photograph's scale is known."""

from __future__ import annotations

from fundus_mtl import biomarkers
from fundus_mtl.results._column import Columns
from fundus_mtl.results._facts import PhotographFacts


def lengths(facts: PhotographFacts, columns: Columns, *names: str) -> Columns:
    """Return lengths and areas in mm; nothing without a scale.

    Args:
        facts: PhotographFacts about the photograph, with its scale.
        columns: Measures in native px, see `fundus_mtl.biomarkers.in_millimetres`.
        *names: Names of the columns that are wanted.
    """
    if facts.mm_per_px is None:
        return {}
    measures = {name: float(value) for name, value in columns.items() if isinstance(value, int | float)}
    found = biomarkers.in_millimetres(measures, facts.mm_per_px)
    return {name: found[name] for name in names}  # type: ignore[literal-required]
