from __future__ import annotations

from tests.results.conftest import infer, make, photograph, rows

__all__ = ["infer", "make", "photograph", "rows"]
