"""A bundle's workflow that refuses what MONAI's own would pass over in silence, and parts of bundles built anew."""

from __future__ import annotations

from fundus_mtl.workflow._error import WorkflowError
from fundus_mtl.workflow._part import part_of
from fundus_mtl.workflow._recipe import Recipe, read_recipe
from fundus_mtl.workflow._trained_part import trained_configs, trained_part
from fundus_mtl.workflow._workflow import StrictWorkflow

__all__ = ["Recipe", "StrictWorkflow", "WorkflowError", "part_of", "read_recipe", "trained_configs", "trained_part"]
