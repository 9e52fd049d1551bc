"""A page on this machine to try a model on single photographs (extra ``app``). Research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.app._answers import Answers
    from fundus_mtl.app._guard import LOCAL_NAMES
    from fundus_mtl.app._page import page
    from fundus_mtl.app._serve import serve
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = ["LOCAL_NAMES", "Answers", "page", "serve"]
