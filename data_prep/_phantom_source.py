"""A reproducible stream of phantoms: phantom k depends on the seed, the stream and k, not on how many are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._phantom_anatomy import Camera
from ._phantom_image import Phantom, draw_phantom

BLOCK = 5  # labels are shuffled within blocks of this size, so that a handful of phantoms already holds both classes


@dataclass(frozen=True)
class PhantomSource:
    """Phantoms of one camera.

    Attributes:
        camera: Camera that photographs them.
        seed: Seed of all that is drawn.
        stream: Number that separates the sources of one seed.
        share: Share of glaucoma labels, 0 to 1.
        artery_on_top: Whether arteries run over veins where they cross, or under them.
    """

    camera: Camera
    seed: int
    stream: int
    share: float
    artery_on_top: bool = False

    def draw(self, count: int) -> Iterator[Phantom]:
        """Yield the first ``count`` phantoms."""
        for number in range(count):
            yield self.phantom(number, self.label(number))

    def phantom(self, number: int, glaucoma: bool) -> Phantom:
        """Draw one phantom for a label that is given, not drawn by the share."""
        return draw_phantom(self._generator(0, number), self.camera, glaucoma, self.artery_on_top)

    def label(self, number: int) -> bool:
        """Return the glaucoma label of a phantom; among the first n are ``floor(n * share)`` whenever n is a full block."""
        block, place = divmod(number, BLOCK)
        place = int(self._generator(1, block).permutation(BLOCK)[place])
        return self._positives(block * BLOCK + place + 1) > self._positives(block * BLOCK + place)

    def chance(self, number: int) -> float:
        """Return a uniform number of phantom ``number`` that its picture does not depend on."""
        return float(self._generator(2, number).random())

    def _positives(self, count: int) -> int:
        return math.floor(count * self.share + 1e-9)  # 100 * 0.29 is a little less than 29

    def _generator(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self.stream, purpose, number)))
