"""A red circle with vessels on black, as a fundus camera sees it, and what can go wrong with it."""

from __future__ import annotations

import cv2
import numpy as np


def fundus(height: int = 340, width: int = 400, radius: float = 160.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a photograph ``(H, W, 3)`` and its field of view ``(H, W)``; the circle is cut where it leaves the frame."""
    centre = ((width - 1) / 2, (height - 1) / 2)
    rows, columns = np.mgrid[:height, :width]
    field = np.hypot(columns - centre[0], rows - centre[1]) <= radius
    vessels = np.zeros((height, width), np.uint8)
    for turn in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        reach = np.linspace(0, 1.2 * radius, 200)
        bent = turn + 0.6 * np.sin(reach / radius * 4 + 3 * turn)
        points = np.stack([centre[0] + reach * np.cos(bent), centre[1] + reach * np.sin(bent)], axis=1)
        cv2.polylines(vessels, [np.rint(points).astype(np.int32)], False, 1, max(1, round(radius / 70)), cv2.LINE_8)
    shade = 1 - 0.35 * cv2.GaussianBlur(vessels.astype(np.float32), (0, 0), radius / 200)
    picture = np.array([180.0, 80.0, 30.0]) * shade[..., None] * field[..., None]
    return np.rint(picture).astype(np.uint8), field


def blurred(picture: np.ndarray, radius: float, share: float) -> np.ndarray:
    """Blur by a Gaussian of this share of the field's diameter."""
    return cv2.GaussianBlur(picture, (0, 0), 2 * radius * share)


def flattened(picture: np.ndarray, field: np.ndarray, share: float) -> np.ndarray:
    """Leave this share of the contrast within the field of view."""
    mean = picture[field].mean(axis=0)
    return np.where(field[..., None], np.rint(mean + share * (picture - mean)), 0).astype(np.uint8)
