"""Arteries and veins of a drawn eye: four arcades that leave the disc, their branches, and their picture.

Paths live in the disc's frame: unit = one disc diameter, origin = the disc's centre, first axis towards the fovea,
second axis downwards; so one table of control points serves both eyes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._phantom_anatomy import Eye, Floats

# Superior half; the inferior half is its mirror image.
TEMPORAL = (
    (-0.07, -0.02),
    (-0.03, -0.35),
    (0.22, -0.9),
    (0.8, -1.5),
    (1.7, -1.9),
    (2.8, -1.95),
    (3.8, -1.6),
    (4.8, -1.0),
)
NASAL = ((-0.09, -0.02), (-0.27, -0.28), (-0.7, -0.7), (-1.3, -1.2), (-2.1, -1.75), (-3.1, -2.3))
SMALL = ((0.3, -0.12), (0.55, -0.22), (0.9, -0.38), (1.4, -0.5), (1.9, -0.55))  # from the rim to the macula
STEP = 0.05  # between points of a path, disc diameters
VEIN, ARTERY = 0.085, 0.062  # widths at the disc, disc diameters


@dataclass(frozen=True)
class Vessel:
    """One vessel without its branches.

    Attributes:
        points: shape ``(N, 2)``, disc diameters in the disc's frame.
        widths: shape ``(N,)``, disc diameters.
        artery: or vein.
    """

    points: Floats
    widths: Floats
    artery: bool


def sample_vessels(rng: np.random.Generator, eye: Eye) -> list[Vessel]:
    """Sample the vessel tree of an eye: eight trunks, small macular vessels, and two levels of branches."""
    fovea = np.array([np.hypot(*(eye.fovea - eye.disc.centre)) / (2.0 * eye.disc.half_height), 0.0])
    trunks = [
        _trunk(rng, np.array(table) * [fovea[0] / 2.65 if table is TEMPORAL else 1.0, half], artery, thickness)
        for table, thickness in ((TEMPORAL, 1.0), (NASAL, 0.75), (SMALL, 0.35))
        for half in (1.0, -1.0)
        for artery in (False, True)
    ]
    branches = [branch for trunk in trunks[:8] for branch in _branches(rng, trunk, fovea, gap=0.55)]
    twigs = [twig for branch in branches for twig in _branches(rng, branch, fovea, gap=0.5)]
    return trunks + branches + twigs


def _trunk(rng: np.random.Generator, knots: Floats, artery: bool, thickness: float) -> Vessel:
    from scipy.interpolate import CubicSpline

    apart = (1.0 if artery else -1.0) * (0.045 if abs(knots[0, 1]) < 0.1 else 0.0)  # side by side on the disc
    spread = np.clip(rng.normal(1.0, 0.06), 0.85, 1.15) + (0.05 if artery else -0.05) * rng.choice([-1.0, 1.0])
    grow = np.linspace(0.0, 1.0, len(knots))[:, None] ** 0.7
    knots = knots * (1.0 + grow * (spread - 1.0)) + grow * rng.normal(0.0, 0.07, knots.shape) - [apart, 0.0]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    along = np.arange(0.0, length[-1], STEP)
    points = CubicSpline(length, knots)(along)
    tangent = np.gradient(points, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / np.hypot(*tangent.T)[:, None]
    wave = np.sin(2.0 * np.pi * along / rng.uniform(0.7, 1.2) + rng.uniform(0.0, 6.28))
    points = points + normal * (rng.uniform(0.015, 0.045) * wave * np.minimum(along, 1.0))[:, None]
    width = (ARTERY if artery else VEIN) * thickness * np.clip(rng.normal(1.0, 0.08), 0.8, 1.2)
    return Vessel(points, width * np.linspace(1.0, 0.45, len(points)), artery)


def _branches(rng: np.random.Generator, parent: Vessel, fovea: Floats, gap: float) -> Iterator[Vessel]:
    """Yield branches on alternating sides, the first one well away from the disc."""
    side, index = rng.choice([-1.0, 1.0]), int(rng.uniform(0.5, 1.0) * gap / STEP)
    while index < len(parent.points) - 3:
        start = parent.points[index]
        if np.hypot(*start) > 0.75:
            heading = np.arctan2(*(parent.points[index + 1] - parent.points[index - 1])[::-1])
            heading += side * np.deg2rad(rng.uniform(30.0, 60.0))
            points = _walk(rng, start, heading, rng.uniform(0.8, 2.4) * (0.4 + 10.0 * parent.widths[index]), fovea)
            if len(points) > 4:
                width = parent.widths[index] * rng.uniform(0.5, 0.75)
                yield Vessel(points, width * np.linspace(1.0, 0.5, len(points)), parent.artery)
        side, index = -side, index + max(2, int(rng.uniform(0.6, 1.4) * gap / STEP))


def _walk(rng: np.random.Generator, start: Floats, heading: float, length: float, fovea: Floats) -> Floats:
    """Walk with slowly changing heading; stop before the disc and before the capillary-free zone of the fovea."""
    count = max(2, int(length / STEP))
    turning = rng.normal(0.0, 0.02) + np.convolve(rng.normal(0.0, 0.16, count), np.ones(5) / 5.0, mode="same")
    angles = heading + np.cumsum(turning)
    points = start + STEP * np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    points = np.concatenate([start[None], points])
    blocked = (np.hypot(*points.T) < 0.65) | (np.hypot(*(points - fovea).T) < 0.4)
    return points[: int(blocked.argmax())] if blocked.any() else points
