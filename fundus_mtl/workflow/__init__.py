"""A bundle's workflow with strict checks of its configuration; recipes of trainings; parts and copies of bundles."""

from __future__ import annotations

from fundus_mtl.workflow._error import RefusedError, WorkflowError
from fundus_mtl.workflow._export_bundle import export_bundle
from fundus_mtl.workflow._part import part_of
from fundus_mtl.workflow._recipe import Recipe, read_recipe
from fundus_mtl.workflow._trained_part import own_weights, trained_configs, trained_part
from fundus_mtl.workflow._workflow import StrictWorkflow

__all__ = [
    "Recipe",
    "RefusedError",
    "StrictWorkflow",
    "WorkflowError",
    "export_bundle",
    "own_weights",
    "part_of",
    "read_recipe",
    "trained_configs",
    "trained_part",
]
