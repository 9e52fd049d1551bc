"""Multi-task learning for colour fundus photographs, on MONAI. Research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names
from fundus_mtl.notices import VERSION

if TYPE_CHECKING:
    from fundus_mtl.predictor import Predictor, load_model
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = ["Predictor", "load_model"]
__version__ = VERSION
