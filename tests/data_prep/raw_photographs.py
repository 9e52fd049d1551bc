"""Photographs and masks for the tests of data_prep: small, not square, each different from the others."""

from __future__ import annotations

import csv

import numpy as np
from PIL import Image

SIZE = (60, 40)  # width and height


def photograph(path, number, size=SIZE, quality=95):
    """Write soft orange patches that follow the number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    patches = np.random.default_rng(number).uniform(20, 250, (4, 6, 1)) * (1.0, 0.6, 0.3)
    large = Image.fromarray(patches.astype(np.uint8)).resize((240, 160), Image.Resampling.BICUBIC)
    large.resize(size, Image.Resampling.BOX).save(path, quality=quality)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def disc_codes(rim=(10, 30, 20, 45), cup=(15, 25, 25, 40), size=SIZE):
    """Codes 0, 1 and 2; boxes are top, bottom, left, right."""
    codes = np.zeros((size[1], size[0]), dtype=np.uint8)
    for code, (top, bottom, left, right) in ((1, rim), (2, cup)):
        codes[top:bottom, left:right] = code
    return codes


def mask(path, codes):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(codes).save(path)


def sheet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
