"""The digits included in scikit-learn, for trying the digits bundle without downloading MNIST."""

from __future__ import annotations

import logging

import numpy as np

from fundus_mtl.data._array_set import ArraySet
from fundus_mtl.data._digits import SIZE, Digits, digit_set, resized

_logger = logging.getLogger(__name__)
_ABOUT = {
    "name": "digits of scikit-learn",
    "licence": "CC BY 4.0",
    "source": "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (UCI), test part, in scikit-learn",
    "note": "Not MNIST: scikit-learn's 1,797 digits of 8x8 px, enlarged to 28x28. MNIST: fundus-mtl prepare mnist.",
}
_VALIDATION, _TESTING = 200, 400


def embedded_digits(kind: str, seed: int = 0) -> ArraySet:
    """Build a data set from scikit-learn's 1,797 digits, enlarged to 28x28 px, and log a warning that it is not MNIST.

    The seed determines the sections (1,197 training, 200 validation, 400 testing). Digits of one writer may be in
    several sections, so the accuracy is too optimistic.

    Args:
        kind: Kind of data set, ``even_odd`` or ``multi``.
        seed: Seed of the sections and of the pairs of ``multi``.
    """
    from sklearn.datasets import load_digits

    _logger.warning("%s", _ABOUT["note"])
    known = load_digits()
    images = resized(np.round(known.images * (255 / 16)).astype(np.uint8), SIZE)
    order = np.random.default_rng(seed).permutation(len(images))
    parts = np.split(order, [_VALIDATION, _VALIDATION + _TESTING])
    ids = np.array([f"sklearn_{row:04}" for row in range(len(images))])
    sections = {
        name: Digits(images[rows], known.target[rows].astype(np.uint8), ids[rows])
        for name, rows in zip(("validation", "testing", "training"), map(np.sort, parts), strict=True)
    }
    return digit_set(kind, _ABOUT, sections, seed)
