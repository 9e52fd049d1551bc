"""A bundle's workflow that refuses what MONAI's own would pass over in silence."""

from __future__ import annotations

from fundus_mtl.workflow._error import WorkflowError
from fundus_mtl.workflow._workflow import StrictWorkflow

__all__ = ["StrictWorkflow", "WorkflowError"]
