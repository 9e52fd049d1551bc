"""How wide the vessels are that cross a zone around the disc.

A vessel is counted where it crosses the circle in the middle of the zone, so that of a vessel that branches in the zone
either the stem counts or its branches, never both, and no vessel is lost. Its width is the mean over its part inside
the zone. The connected vessels that it belongs to must cover at least `CROSSING` of the zone's breadth: a speck is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from fundus_mtl.biomarkers._vessel_segments import Segment, Values
from fundus_mtl.biomarkers._zones import ZONES, DiscCircle

CROSSING = 0.5


def crossing_widths(segments: Iterable[Segment], disc: DiscCircle, zone: str = "B") -> Values:
    """Return the widths of the vessels that cross a zone ``(N,)``, px, widest first.

    Args:
        segments: of one kind of vessel, as of `vessel_segments`.
        disc: where the disc is; a disc that is not known is crossed by none.
        zone: ``"A"``, ``"B"`` or ``"C"``.

    Raises:
        ValueError: if the zone is unknown.
    """
    if zone not in ZONES:
        raise ValueError(f"zone: expected one of {', '.join(ZONES)}, but got {zone!r}.")
    inner, outer = ZONES[zone]
    found, covered = [], defaultdict[int, list[float]](list)
    for segment in segments:
        radii = disc.radii(*segment.points_xy.T)
        inside = (radii >= inner) & (radii < outer)
        if inside.any():
            covered[segment.tree] += [radii[inside].min(), radii[inside].max()]
            if radii.min() < (inner + outer) / 2 <= radii.max():
                found.append((segment.tree, segment.width_px(inside)))
    enough = CROSSING * (outer - inner)
    return np.sort([width for tree, width in found if np.ptp(covered[tree]) >= enough])[::-1].astype(float)
