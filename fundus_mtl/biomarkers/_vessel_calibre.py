"""Widths of the vessels that cross a zone around the disc.

A vessel is counted where it crosses the circle in the middle of the zone. If a vessel branches in the zone, either the
stem or the branches count, never both, and no vessel is missed. The width is the mean over the part inside the zone. To
exclude specks, the connected vessels that a segment belongs to must cover at least `CROSSING` of the radial width of
the zone.
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
        segments: Segments of one kind of vessel, as returned by `vessel_segments`.
        disc: Circle of the disc; no vessel crosses the zones of an unknown disc.
        zone: Name of the zone: ``"A"``, ``"B"`` or ``"C"``.

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
