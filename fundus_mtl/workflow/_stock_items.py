"""The inference of an exported bundle with MONAI's own ids for a network that answers one tensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.workflow._flat_config import map_texts
from fundus_mtl.workflow._merge import merge_more

STOCK = "stock.yaml"
# What other programs read by these names, and how the bundle's own items of these names are called then.
RENAMED = {item: f"task_{item}" for item in ("network_def", "network", "inferer", "postprocessing")}
_REFERENCE = re.compile(rf"@({'|'.join(RENAMED)})\b")


def with_stock_items(config: dict[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Return a merged config in which MONAI's own ids are those of `OneTensorNetwork`.

    Args:
        config: Merged config of an inference or an evaluation.
        files: Files with the items for other programs, in order.

    Raises:
        RefusedError: If one of their keys has no place in the config.
    """
    renamed = {RENAMED.get(item, item): value for item, value in config.items()}
    changed: dict[str, Any] = map_texts(
        renamed, lambda text: _REFERENCE.sub(lambda found: f"@{RENAMED[found[1]]}", text)
    )
    merge_more(changed, files)
    return changed
