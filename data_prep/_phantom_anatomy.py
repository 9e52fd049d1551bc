"""Where things lie in a drawn eye, sampled with the statistics of real photographs.

Distances follow the Beijing Eye Study 2011 (disc–fovea distance 2.65 ± 0.30 disc diameters) and a measurement on 800
REFUGE eyes (disc above the fovea by about 6° ± 4°). Points are (x, y) in px, origin = centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Camera:
    """A fundus camera: what makes its photographs differ from those of another.

    Attributes:
        name: what it imitates.
        width: Width of the photograph, px.
        height: Height of the photograph, px.
        field: diameter of the circular field of view, in photograph widths.
        cut: visible half-height of the field, in field radii; 1 shows the whole circle, less cuts top and bottom straight.
        disc: mean vertical diameter of the optic disc, in photograph widths.
        gain: Gain of the red, green and blue channel, no unit.
        blur: standard deviation of the optical blur, in photograph widths.
        noise: standard deviation of the sensor noise, grey levels of 255.
        vignetting: light lost at the field's edge, 0 to 1.
    """

    name: str
    width: int
    height: int
    field: float = 0.96
    cut: float = 1.0
    disc: float = 0.14
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0012
    noise: float = 2.5
    vignetting: float = 0.35


@dataclass(frozen=True)
class Ellipse:
    """An affine image of the unit circle: ``centre + matrix @ q`` for ``|q| <= 1``.

    Attributes:
        centre: (x, y), px.
        matrix: shape ``(2, 2)``, px.
    """

    centre: Floats
    matrix: Floats

    @property
    def half_height(self) -> float:
        """Half of the vertical extent, px: the length of the matrix' second row."""
        return float(np.hypot(*self.matrix[1]))

    def radius(self, height: int, width: int) -> NDArray[np.float32]:
        """Return, for every pixel's centre, ``|q|`` (1 on the border, below 1 inside), shape ``(height, width)``."""
        inverse = np.linalg.inv(self.matrix)
        x = np.arange(width)[None] - self.centre[0]
        y = np.arange(height)[:, None] - self.centre[1]
        q0, q1 = (row[0] * x + row[1] * y for row in inverse)
        return np.hypot(q0, q1).astype(np.float32)


@dataclass(frozen=True)
class Eye:
    """The geometry of one eye as one camera sees it.

    Attributes:
        disc: border of the optic disc.
        cup: border of the optic cup, inside the disc.
        fovea: (x, y), px.
        field_centre: (x, y) of the circular field of view, px.
        laterality: ``"R"`` (the disc lies to the right of the fovea) or ``"L"``.
    """

    disc: Ellipse
    cup: Ellipse
    fovea: Floats
    field_centre: Floats
    laterality: Literal["R", "L"]

    @property
    def vcdr(self) -> float:
        """Vertical cup-to-disc ratio of the two ellipses, no unit."""
        return self.cup.half_height / self.disc.half_height

    @property
    def axes(self) -> Floats:
        """Shape ``(2, 2)``: one disc diameter from the disc towards the fovea and, at a right angle, downwards, px."""
        towards = self.fovea - self.disc.centre
        towards = towards / np.hypot(*towards)
        across = np.array([-towards[1], towards[0]]) * np.sign(towards[0])
        return 2.0 * self.disc.half_height * np.stack([towards, across])


def sample_eye(rng: np.random.Generator, camera: Camera, glaucoma: bool) -> Eye:
    """Sample an eye that lies, disc and fovea, inside the camera's field of view.

    Args:
        rng: source of randomness.
        camera: gives the frame and the mean size of the disc.
        glaucoma: draws the cup from the larger of two overlapping distributions.
    """
    laterality: Literal["R", "L"] = "R" if rng.random() < 0.5 else "L"
    side = 1.0 if laterality == "R" else -1.0
    half_height = 0.5 * camera.width * camera.disc * np.clip(rng.normal(1.0, 0.06), 0.85, 1.15)
    distance = 2.0 * half_height * np.clip(rng.normal(2.65, 0.3), 1.9, 3.3)
    angle = np.deg2rad(np.clip(rng.normal(6.0, 4.0), -5.0, 17.0))
    to_disc = distance * np.array([side * np.cos(angle), -np.sin(angle)])
    centre = (np.array([camera.width, camera.height]) - 1.0) / 2.0 + rng.normal(0.0, 0.004, 2) * camera.width
    jitter = np.clip(rng.normal(0.0, 0.02, 2), -0.04, 0.04) * camera.width
    fovea = centre - rng.uniform(0.25, 0.6) * to_disc + jitter
    disc = _disc(rng, fovea + to_disc, half_height, side)
    return Eye(disc, _cup(rng, disc, glaucoma, side), fovea, centre, laterality)


def _disc(rng: np.random.Generator, centre: Floats, half_height: float, side: float) -> Ellipse:
    tilt = np.deg2rad(rng.normal(0.0, 6.0)) * side
    rotation = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    matrix = rotation @ np.diag([np.clip(rng.normal(0.92, 0.04), 0.82, 1.0), 1.0])
    return Ellipse(centre, matrix * half_height / np.hypot(*matrix[1]))


def _cup(rng: np.random.Generator, disc: Ellipse, glaucoma: bool, side: float) -> Ellipse:
    """In the disc's own frame (disc = unit circle) a cup of radius r at offset o is inside if ``|o| + r <= 1``."""
    vcdr = np.clip(rng.normal(0.70, 0.08) if glaucoma else rng.normal(0.45, 0.10), 0.2, 0.9)
    radii = np.array([np.clip(rng.normal(0.95, 0.04), 0.85, 1.0), 1.0])
    radii *= vcdr * np.hypot(*disc.matrix[1]) / np.hypot(*(disc.matrix[1] * radii))
    offset = np.array([-0.3 * side, 0.0]) + rng.normal(0.0, 0.25, 2)  # a little to the temporal side
    offset *= 0.8 * (1.0 - radii.max()) / max(1.0, np.hypot(*offset))
    return Ellipse(disc.centre + disc.matrix @ offset, disc.matrix @ np.diag(radii))
