r"""The quality of a photograph, measured by rules without training: focus, contrast, light, colour.

Everything is measured after the field of view was scaled to `DIAMETER_PX` pixels across, so that cameras compare, in the
green channel :math:`g`, where vessels and disc show best. With :math:`g_\sigma` the picture blurred by a Gaussian of
:math:`\sigma` px, the black surround left out (normalised convolution), root mean squares :math:`\lVert \cdot \rVert` and
means are taken over the field of view but for a rim of a sixteenth of its diameter:

* *focus* :math:`\lVert g_1 - g_2 \rVert / \lVert g_2 - g_4 \rVert`: the strength of structure as fine as thin vessels over
  that of structure twice as coarse. A ratio of two bands does not depend on light or contrast. Sharp photographs have
  about 0.9, a Gaussian blur of 1 % of the diameter leaves 0.45, pure noise has 2. Difference-of-Gaussians bands instead of
  the usual variance of the Laplacian, which any noise makes large and any dim light small.
* *contrast* :math:`\lVert g - g_{16} \rVert / \overline{g}`: everything smaller than about a disc.
* *brightness*: median of :math:`g`; *saturated*: share of pixels with :math:`g \geq 250`; *redness*: mean red over the sum
  of the three means (the retina is red; grey is 1/3).
"""

from __future__ import annotations

from typing import TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from fundus_mtl.biomarkers._cleaning import Mask

DIAMETER_PX = 256
MAX_REDUCED_PX = 2**22
"""Most pixels of the scaled photograph. A frame around a round field of view has about a fiftieth of that. Only a frame that
is more than 64 times as long as its field is wide has more, and is not measured: 600 x 1 px would become 153,600 x 256."""
_RIM = 17  # px: diameter of the disc that erodes the field of view, an odd sixteenth of its own
_SATURATED = 250.0  # of 255: JPEG rarely gives exactly 255
Floats = NDArray[np.float32]


class QualityMeasures(TypedDict):
    """Numbers without unit; brightness and redness 0 to 1, NaN where nothing is lit."""

    focus: float
    contrast: float
    brightness: float
    saturated: float
    redness: float


def quality_measures(photograph: NDArray[np.uint8], field_of_view: Mask, diameter_px: float) -> QualityMeasures:
    """Measure a photograph as the module describes.

    Args:
        photograph: RGB ``(H, W, 3)``, 0 to 255.
        field_of_view: mask ``(H, W)``.
        diameter_px: diameter of the field of view, native px.

    Returns:
        `QualityMeasures`; the focus of a picture without any structure is 0. All are NaN where the field of view is dark,
        or so small a part of the frame that the scaled photograph would exceed `MAX_REDUCED_PX`.
    """
    scale = DIAMETER_PX / diameter_px
    size = [max(1, round(side * scale)) for side in (photograph.shape[1], photograph.shape[0])]
    if size[0] * size[1] > MAX_REDUCED_PX:
        return _unknown()
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small: Floats = cv2.resize(photograph, size, interpolation=smooth).astype(np.float32)
    lit: Floats = cv2.resize(field_of_view.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_RIM, _RIM))
    inner = cv2.erode(lit, rim, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    if not inner.any():
        return _unknown()
    return _measures(small, lit, inner)


def _unknown() -> QualityMeasures:
    return {"focus": np.nan, "contrast": np.nan, "brightness": np.nan, "saturated": np.nan, "redness": np.nan}


def _measures(picture: Floats, lit: Floats, inner: Mask) -> QualityMeasures:
    """Measure a reduced picture ``(h, w, 3)`` whose field of view and inner part are known."""
    green = picture[..., 1]
    one, two, four, far = (_blurred(green, lit, sigma) for sigma in (1, 2, 4, DIAMETER_PX / 16))
    fine, coarse, local = (_rms((near - wide)[inner]) for near, wide in ((one, two), (two, four), (green, far)))
    red, mean, blue = (float(level) for level in picture[inner].mean(axis=0))
    return {
        "focus": fine / coarse if coarse > 1e-3 else 0.0,  # levels of 255: rounding errors have no focus
        "contrast": local / max(mean, 1.0),
        "brightness": float(np.median(green[inner])) / 255,
        "saturated": float((green[inner] >= _SATURATED).mean()),
        "redness": red / max(red + mean + blue, 1.0),
    }


def _blurred(level: Floats, lit: Floats, sigma: float) -> Floats:
    """Blur a channel ``(h, w)`` as if there were nothing outside the field of view."""
    weight = cv2.GaussianBlur(lit, (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(level * lit, (0, 0), sigma) / np.maximum(weight, 1e-3), dtype=np.float32)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
