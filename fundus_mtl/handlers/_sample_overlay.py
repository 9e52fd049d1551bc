"""Labels and predictions of a sample, drawn on its photograph at a small size, optionally zoomed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.figures import PREDICTIONS, TRUTH, Colour

Picture = NDArray[np.uint8]
Arrays = dict[str, NDArray[Any]]
TRUE = "true "  # prefix of the names of labels
MARGIN = 1.0  # margin around a structure, relative to its larger extent: the picture is three extents wide


class SampleOverlay:
    """Draw masks and points of a sample, for `CaseFigures`.

    The photograph is shrunk before drawing, so that lines stay thin and sharp.

    Args:
        draw: function of an RGB picture ``(h, w, 3)``, ``{name: mask (h, w)}``, ``{name: (x, y)}``, and the keywords
            ``colours``, in the order of the names, and ``legend``; it returns the picture.
        masks: keys of masks ``(1, H, W)``; the prediction of a key is ``pred_<key>``.
        points: keys of points ``(2,)``.
        zoom: key of a mask to zoom in on; the whole photograph is drawn if neither label nor prediction has it.
        width: largest width of the picture, px.
    """

    def __init__(
        self,
        draw: Callable[..., Picture],
        masks: Sequence[str] = ("disc", "cup"),
        points: Sequence[str] = ("fovea",),
        zoom: str | None = None,
        width: int = 512,
    ) -> None:
        self.draw = draw
        self.masks = masks
        self.points = points
        self.zoom = zoom
        self.width = width

    @property
    def legend(self) -> dict[str, Colour]:
        """Colours by name: all labels have the same, which no prediction has."""
        keys = (*self.masks, *self.points)
        return {"truth": TRUTH, **dict(zip(keys, cycle(PREDICTIONS), strict=False))}

    def __call__(self, image: Picture, sample: Mapping[str, Any]) -> Picture:
        """Return the picture with outlines and points, named ``true <key>`` for labels and ``<key>`` for predictions.

        Labels are drawn after the predictions, so that they are above them.

        Args:
            image: photograph, uint8 ``(H, W, 3)``.
            sample: masks on the same grid, and points in px.
        """
        focus = drawn_arrays(sample, [self.zoom] if self.zoom else [])
        masks, points = drawn_arrays(sample, self.masks), drawn_arrays(sample, self.points)
        return self._outlined(image, masks, points, focus, legend=False)

    def parts(self, image: Picture, sample: Mapping[str, Any]) -> dict[str, Picture]:
        """Return ``photograph``, ``truth`` and ``prediction`` as single pictures.

        The zoom depends on the label only, so that the pictures of several methods show the same part of the photograph.
        """
        masks, points = drawn_arrays(sample, self.masks), drawn_arrays(sample, self.points)
        focus = {name: mask for name, mask in masks.items() if name == f"{TRUE}{self.zoom}"}
        chosen = {
            "photograph": lambda name: False,
            "truth": lambda name: name.startswith(TRUE),
            "prediction": lambda name: not name.startswith(TRUE),
        }
        return {part: self._outlined(image, _only(masks, of), _only(points, of), focus) for part, of in chosen.items()}

    def _outlined(self, image: Picture, masks: Arrays, points: Arrays, focus: Arrays, legend: bool = True) -> Picture:
        rows, columns = window([mask[0] for mask in focus.values()], image.shape[:2])
        scale = min(1.0, self.width / (columns.stop - columns.start))
        shift = np.array([columns.start, rows.start])
        moved = {name: (xy - shift + 0.5) * scale - 0.5 for name, xy in points.items()}
        small = {name: shrink(mask[0, rows, columns] != 0, scale) for name, mask in masks.items()}
        known = self.legend
        colours = [TRUTH if name.startswith(TRUE) else known[name] for name in (*small, *moved)]
        return self.draw(shrink(image[rows, columns], scale), small, moved, colours=colours, legend=legend)


def _only(arrays: Arrays, wanted: Callable[[str], bool]) -> Arrays:
    return {name: values for name, values in arrays.items() if wanted(name)}


def drawn_arrays(sample: Mapping[str, Any], keys: Sequence[str]) -> Arrays:
    """Return predictions, then labels, of the keys that a sample has; fillers of missing labels are skipped."""
    predicted = {key: _array(sample[f"pred_{key}"]) for key in keys if sample.get(f"pred_{key}") is not None}
    labelled = {
        f"{TRUE}{key}": _array(sample[key])
        for key in keys
        if sample.get(key) is not None and bool(sample.get(f"{key}_present", True))
    }
    return predicted | labelled


def window(masks: Sequence[NDArray[Any]], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns of a square around all masks ``(H, W)``, inside the image; the image if all are empty."""
    rows, columns = np.nonzero(np.any(masks, axis=0)) if masks else np.zeros((2, 0), dtype=int)
    if not len(rows):
        return slice(0, shape[0]), slice(0, shape[1])
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    reach = round(extent * (0.5 + MARGIN))
    centres = ((int(places.min()) + int(places.max())) // 2 for places in (rows, columns))
    first, second = (slice(max(0, c - reach), min(n, c + reach + 1)) for c, n in zip(centres, shape, strict=True))
    return first, second


def shrink(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    """Return a picture ``(H, W, 3)`` or a mask ``(H, W)`` at a scale of at most 1; masks stay binary."""
    from PIL import Image

    if scale == 1:
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.uint8))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    how = Image.Resampling.BOX if picture.ndim == 3 else Image.Resampling.NEAREST
    return np.asarray(image.resize(size, how)).astype(picture.dtype)


def _array(value: Any) -> NDArray[Any]:
    """Return a tensor on any device, or an array, as an array."""
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
