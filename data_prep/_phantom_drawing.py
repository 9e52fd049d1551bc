"""Colours and light of a drawn eye: retina, macula, disc, cup, vessels; then what the camera does to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._phantom_anatomy import Camera, Eye, Floats
from ._phantom_vessel_picture import VesselCover

Image = NDArray[np.float32]

RETINA = (196.0, 92.0, 40.0)
RIM = (240.0, 158.0, 84.0)
CUP = (255.0, 226.0, 160.0)
VEIN = (0.60, 0.42, 0.50)  # share of the retina's light
ARTERY = (0.80, 0.54, 0.58)


def draw_eye(rng: np.random.Generator, eye: Eye, vessels: VesselCover, artery_on_top: bool = False) -> Image:
    """Paint the eye as a perfect camera with even light would see it, grey levels of 255, shape ``(H, W, 3)``."""
    retina = _retina(rng, eye, vessels.artery.shape)
    return _paint_vessels(_paint_disc(rng, eye, retina), retina, eye, vessels, artery_on_top)


def photograph(rng: np.random.Generator, camera: Camera, eye: Eye, scene: Image) -> NDArray[np.uint8]:
    """Photograph a painted eye: light, vignetting, blur, dark surround, colour balance, noise; uint8 ``(H, W, 3)``."""
    import cv2

    height, width = scene.shape[:2]
    radius = camera.field * camera.width / 2.0
    x, y = np.arange(width) - eye.field_centre[0], np.arange(height)[:, None] - eye.field_centre[1]
    distance = np.hypot(x, y)
    slope = rng.normal(0.0, 0.09, 2)
    light = 1.0 + (slope[0] * x + slope[1] * y) / radius - camera.vignetting * (distance / radius) ** 2.5
    inside = np.clip(radius - distance + 0.5, 0.0, 1.0) * np.clip(camera.cut * radius - abs(y) + 0.5, 0.0, 1.0)
    exposure = np.array(camera.gain) * rng.normal(1.0, 0.05) * rng.normal(1.0, 0.03, 3)
    image = scene * (light * inside)[..., None] * exposure + 3.0
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), max(0.3, camera.blur * width))
    image = image + rng.normal(0.0, camera.noise, image.shape) * (0.15 + 0.85 * inside[..., None])
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def field_mask(camera: Camera, eye: Eye) -> NDArray[np.bool_]:
    """Return which pixels lie in the camera's field of view, shape ``(H, W)``."""
    radius = camera.field * camera.width / 2.0
    x, y = np.arange(camera.width) - eye.field_centre[0], np.arange(camera.height)[:, None] - eye.field_centre[1]
    return (np.hypot(x, y) <= radius) & (abs(y) <= camera.cut * radius)


def _retina(rng: np.random.Generator, eye: Eye, shape: tuple[int, ...]) -> Image:
    unit = 2.0 * eye.disc.half_height
    pigment = rng.normal(1.0, 0.05, 3) * [1.0, rng.normal(1.0, 0.06), rng.normal(1.0, 0.12)]
    texture = 0.05 * _noise(rng, shape, unit * 2.5) + 0.03 * _noise(rng, shape, unit * 0.6)
    choroid = rng.uniform(0.01, 0.05) * (0.6 - abs(_noise(rng, shape, unit * 0.3)))  # stripes of the choroid's vessels
    grain = 0.012 * _noise(rng, shape, unit * 0.05)
    fovea = _square_distance(shape, eye.fovea) / unit**2
    macula = rng.uniform(0.26, 0.36) * np.exp(-fovea / 0.75) + rng.uniform(0.16, 0.24) * np.exp(-fovea / 0.035)
    glint = rng.uniform(0.0, 0.25) * np.exp(-fovea / 0.0008)
    nerve_fibres = 0.12 * np.exp(-_square_distance(shape, eye.disc.centre) / unit**2 / 0.9)
    light = 1.0 + texture + choroid + grain + nerve_fibres - macula + glint
    strength = np.array([0.55, 1.0, 0.9])  # red light shows least of it
    return (np.array(RETINA) * pigment * (1.0 + strength * (light - 1.0)[..., None])).astype(np.float32)


def _paint_disc(rng: np.random.Generator, eye: Eye, retina: Image) -> Image:
    height, width = retina.shape[:2]
    half = eye.disc.half_height
    disc = _soft(eye.disc.radius(height, width), half, rng.uniform(0.04, 0.08) * half)
    cup = _soft(eye.cup.radius(height, width), eye.cup.half_height, rng.uniform(0.05, 0.11) * half)
    tint = rng.normal(1.0, 0.03, 3)
    mottle = (1.0 + 0.025 * _noise(rng, retina.shape[:2], half * 0.3))[..., None]
    temporal = ((np.arange(width) - eye.disc.centre[0]) * np.sign(eye.fovea[0] - eye.disc.centre[0]) / half)[
        None, :, None
    ]
    rim = np.array(RIM) * (1.0 + np.array([0.0, 0.06, 0.06]) * np.clip(temporal, -1.0, 1.0))  # paler towards the macula
    head = rim + cup[..., None] * (np.array(CUP) - rim)
    return (retina + disc[..., None] * (head * tint * mottle - retina)).astype(np.float32)


def _paint_vessels(image: Image, retina: Image, eye: Eye, vessels: VesselCover, artery_on_top: bool) -> Image:
    unit = 2.0 * eye.disc.half_height
    near = np.exp(-np.sqrt(_square_distance(image.shape, eye.disc.centre)) / (2.0 * unit))
    strength = (0.72 + 0.28 * near)[..., None]  # blood is darkest where the trunks are thick
    layers = ((vessels.artery, ARTERY), (vessels.vein, VEIN))
    for cover, colour in reversed(layers) if artery_on_top else layers:
        image = image + cover[..., None] * strength * (retina * np.array(colour) - image)
    reflex = (vessels.reflex if artery_on_top else vessels.reflex * (1.0 - vessels.vein))[..., None]
    return (image + 0.55 * reflex * (retina * 1.15 - image)).astype(np.float32)


def _soft(radius: Image, half: float, edge: float) -> Image:
    """Fade from 1 inside to 0 outside over about ``edge`` px; one half exactly on the border."""
    return 1.0 / (1.0 + np.exp(np.clip((radius - 1.0) * half / max(edge, 0.3) * 2.0, -30.0, 30.0)))


def _noise(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Image:
    """Smooth noise of unit variance whose spots are about ``scale`` px wide."""
    import cv2

    coarse = rng.normal(size=[max(4, int(np.ceil(side / max(scale, 1.0))) + 1) for side in shape[:2]])
    smooth = cv2.resize(coarse.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32) * np.float32(1.3)


def _square_distance(shape: tuple[int, ...], point: Floats) -> Floats:
    return (np.arange(shape[1]) - point[0]) ** 2 + (np.arange(shape[0])[:, None] - point[1]) ** 2
