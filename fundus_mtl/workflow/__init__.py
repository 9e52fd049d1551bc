"""A bundle's workflow with strict checks of its configuration; recipes of trainings; parts and copies of bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.workflow._bundle_folder import Bundle, find_bundle
    from fundus_mtl.workflow._config_items import files_of, first_part, items_of, lists_of, shared_items
    from fundus_mtl.workflow._error import RefusedError, WorkflowError
    from fundus_mtl.workflow._export_bundle import export_bundle
    from fundus_mtl.workflow._other_training import refuse_other_training
    from fundus_mtl.workflow._own_weights import own_weights, with_own_vessels
    from fundus_mtl.workflow._part import part_of
    from fundus_mtl.workflow._presentation import Presentation, presentation, presented
    from fundus_mtl.workflow._recipe import Recipe, read_recipe
    from fundus_mtl.workflow._trained_part import trained_configs, trained_part
    from fundus_mtl.workflow._verbatim import literal, paths_verbatim
    from fundus_mtl.workflow._workflow import StrictWorkflow
    from fundus_mtl.workflow._zip_bundle import zip_bundle, zip_of
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "Bundle",
    "Presentation",
    "Recipe",
    "RefusedError",
    "StrictWorkflow",
    "WorkflowError",
    "export_bundle",
    "files_of",
    "find_bundle",
    "first_part",
    "items_of",
    "lists_of",
    "literal",
    "own_weights",
    "part_of",
    "paths_verbatim",
    "presentation",
    "presented",
    "read_recipe",
    "refuse_other_training",
    "shared_items",
    "trained_configs",
    "trained_part",
    "with_own_vessels",
    "zip_bundle",
    "zip_of",
]
