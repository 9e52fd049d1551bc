"""Turn HRF-AV's coloured maps and field-of-view masks into binary masks.

Colours of the maps of Hemelings et al. (2019): black background, red artery, blue vein, green crossing (and a few vessels
that could not be distinguished). A crossing is artery and vein.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.labels import check_field, structure

from ._mask_file import up_to_date, write_mask

Mask = NDArray[np.bool_]
BRIGHTEST_BLEND = 255 * 3 // 2  # red + green + blue: 255 is the most of any blend of the four colours, grey 128 has 384
STRAY = 1e-5  # share of a map: HRF-AV has at most 4 stray grey pixels in 8 million, uncertain vessels are far more
_logger = logging.getLogger(__name__)


def decode_map(levels: NDArray[np.uint8], name: str) -> tuple[Mask, Mask]:
    """Return artery and vein, ``(H, W)`` each, of a map's levels ``(3, H, W)``; `fundus_mtl.metrics.av.decode` reads it.

    White is refused: DRIVE and RITE mean "uncertain" by it, HRF-AV has none, so it is a sign of another data set. Counting
    it as background, vessel or either kind would each change the truth silently. Yellow or grey, which are no blends
    of the four colours either, are refused for the same reason. Only a few stray pixels (three of HRF-AV's maps have 1 to
    4 grey ones) count as background, with a warning.

    Raises:
        ValueError: if more than stray pixels are white or another colour that is no blend of the four.
    """
    from fundus_mtl.metrics.av import decode

    foreign = levels.sum(axis=0, dtype=np.uint16) > BRIGHTEST_BLEND
    if foreign.any():
        _judge(foreign, levels, name)
    truth = decode(np.moveaxis(levels, 0, -1))
    return (truth.artery | truth.crossing) & ~foreign, (truth.vein | truth.crossing) & ~foreign


def _judge(foreign: Mask, levels: NDArray[np.uint8], name: str) -> None:
    y, x = np.argwhere(foreign)[0]
    found = (
        f"{name}: expected a map of black, red, green and blue, but got {foreign.sum()} other pixels, "
        f"{tuple(levels[:, y, x].tolist())} at ({x}, {y})"
    )
    if foreign.mean() > STRAY:
        raise ValueError(
            f"{found}; take HRF-AV's own map, or paint them in one of its colours (white is what DRIVE and RITE call "
            "uncertain)."
        )
    _logger.warning("%s; so few count as background.", found)


def write_vessels(source: Path, targets: Mapping[str, Path], name: str) -> None:
    """Write the masks ``artery``, ``vein`` and ``vessel`` (their union) of a map, unless they are up to date.

    Raises:
        ValueError: if the map holds another colour, or vessels cover more than half of it.
        OSError: if the map cannot be decoded, or a mask cannot be written.
    """
    if up_to_date(source, targets.values()):
        return
    from fundus_mtl.photographs import FundusReader

    artery, vein = decode_map(FundusReader(mode="image")(source), name)
    vessel = structure(artery | vein, name, "vessels")
    for key, mask in {"artery": artery, "vein": vein, "vessel": vessel}.items():
        write_mask(mask, targets[key], source, name)


def write_field(mask: Path | None, photograph: Path, target: Path, name: str) -> None:
    """Write the field of view, from its file, or found in the photograph if there is none; skip it if it is up to date.

    Raises:
        ValueError: if the file is no mask, or does not fit the photograph.
        OSError: if a file cannot be decoded, or the mask cannot be written.
    """
    source = photograph if mask is None else mask
    if up_to_date(source, [target]):
        return
    import torch

    from fundus_mtl.photographs import FundusReader
    from fundus_mtl.transforms import field_of_view

    seen = bright = field_of_view(torch.from_numpy(FundusReader(mode="image")(photograph)))[0].numpy()
    if mask is not None:
        levels = FundusReader(mode="mask")(mask)[0]
        seen = structure(levels, name, "the field of view", largest=1.0)
    check_field(seen, bright, name)
    write_mask(seen, target, source, name)
