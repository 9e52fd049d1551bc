"""One phantom: the picture of a sampled eye, with every structure's exact place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ._phantom_anatomy import Camera, sample_eye
from ._phantom_drawing import draw_eye, field_mask, photograph
from ._phantom_vessel_picture import cover_vessels
from ._phantom_vessels import sample_vessels


@dataclass(frozen=True)
class Phantom:
    """A drawn photograph and everything that is known about it.

    Attributes:
        image: RGB, uint8, shape ``(H, W, 3)``.
        disc: bool, shape ``(H, W)``; includes the cup.
        cup: bool, shape ``(H, W)``.
        arteries: bool, shape ``(H, W)``; a crossing belongs to arteries and veins.
        veins: bool, shape ``(H, W)``.
        field: bool, shape ``(H, W)``; the camera's field of view.
        fovea_xy: (x, y), px, origin = centre of the top-left pixel.
        laterality: ``"R"`` (disc to the right of the fovea) or ``"L"``.
        glaucoma: the label that the cup's size was drawn for.
        vcdr: vertical cup-to-disc ratio before rasterisation, no unit.
    """

    image: NDArray[np.uint8]
    disc: NDArray[np.bool_]
    cup: NDArray[np.bool_]
    arteries: NDArray[np.bool_]
    veins: NDArray[np.bool_]
    field: NDArray[np.bool_]
    fovea_xy: tuple[float, float]
    laterality: Literal["R", "L"]
    glaucoma: bool
    vcdr: float


def draw_phantom(rng: np.random.Generator, camera: Camera, glaucoma: bool, artery_on_top: bool = False) -> Phantom:
    """Draw one phantom.

    Args:
        rng: source of randomness; the same state gives the same phantom.
        camera: decides size, field, colours and sharpness of the photograph.
        glaucoma: Whether the cup is drawn from the distribution of large cups (the two overlap).
        artery_on_top: Whether arteries run over veins where they cross, or under them.
    """
    eye = sample_eye(rng, camera, glaucoma)
    vessels = cover_vessels(sample_vessels(rng, eye), eye, camera.height, camera.width)
    image = photograph(rng, camera, eye, draw_eye(rng, eye, vessels, artery_on_top))
    field = field_mask(camera, eye)
    return Phantom(
        image=image,
        disc=eye.disc.radius(camera.height, camera.width) <= 1.0,
        cup=eye.cup.radius(camera.height, camera.width) <= 1.0,
        arteries=(vessels.artery >= 0.5) & field,
        veins=(vessels.vein >= 0.5) & field,
        field=field,
        fovea_xy=(float(eye.fovea[0]), float(eye.fovea[1])),
        laterality=eye.laterality,
        glaucoma=glaucoma,
        vcdr=eye.vcdr,
    )
