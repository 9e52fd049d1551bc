"""Read a photograph or a mask exactly as an image viewer shows it.

MONAI's own ``PILReader`` transposes pictures, ignores the EXIF orientation, knows no TIFF and hands on whatever
number of channels the file has; ``LoadImage`` falls back to it without a word when another reader fails, so load
through ``fundus_mtl.transforms.LoadFundusd``, which does not.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from monai.data import ImageReader
from monai.data.utils import is_supported_format
from monai.utils import ImageMetaKey, MetaKeys, ensure_tuple
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.data._pixels import mask_values, refuse_misread, rgb_levels, upright
from fundus_mtl.data._unreadable import DAMAGE, UnreadableImageError, sentence

_SUFFIXES = ("jpg", "jpeg", "png", "tif", "tiff", "bmp")
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
Mode = Literal["image", "mask"]


@dataclass(frozen=True)
class _Picture:
    """Upright pixels ``(C, H, W)`` and the path that they came from."""

    pixels: NDArray[np.uint8]
    path: Path


class FundusReader(ImageReader):
    """Read JPEG, PNG, TIFF and BMP as upright ``(C, H, W)`` uint8.

    The format is told by the file's content, not its name. The pixel that a person sees at (x, y) is ``[:, y, x]``,
    the EXIF orientation included.

    Args:
        mode: ``"image"`` gives three RGB channels whatever the file holds: transparent pixels are laid on black,
            16-bit grey is scaled from the container's range (65535 to 255, never stretched per picture), 16-bit
            colour keeps its upper byte. ``"mask"`` gives one channel with the file's own values (palette indices; 0
            and 1 of 1-bit files).
        max_pixels: largest width x height, checked in the header before anything is decoded. Pillow itself refuses
            more than 178,956,970.

    Raises:
        ValueError: if the mode is unknown or ``max_pixels`` is not positive.

    Example:
        >>> pixels, meta = (reader := FundusReader()).get_data(reader.read("eye.jpg"))  # doctest: +SKIP
    """

    def __init__(self, mode: Mode = "image", max_pixels: int = 80_000_000) -> None:
        super().__init__()
        if mode not in ("image", "mask"):
            raise ValueError(f"mode: expected image or mask, but got {mode!r}.")
        if max_pixels < 1:
            raise ValueError(f"max_pixels: expected at least 1, but got {max_pixels}.")
        self.mode, self.max_pixels = mode, max_pixels

    def __call__(self, path: str | os.PathLike[str]) -> NDArray[np.uint8]:
        """Return the upright pixels ``(C, H, W)`` of one file, for those who want no metadata."""
        return self.read(path).pixels

    def of_sample(self, sample: Mapping[str, Any], key: str = "image") -> NDArray[np.uint8]:
        """Read anew the file that a transformed sample came from, ``(H, W, C)`` as drawing wants it."""
        return self(sample[key].meta[ImageMetaKey.FILENAME_OR_OBJ]).transpose(1, 2, 0)

    def verify_suffix(self, filename: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> bool:
        """Tell whether the name ends in one of jpg, jpeg, png, tif, tiff, bmp."""
        return bool(is_supported_format(filename, _SUFFIXES))

    def read(self, data: Sequence[str | os.PathLike[str]] | str | os.PathLike[str], **kwargs: Any) -> _Picture:
        """Decode one file.

        Args:
            data: its path; MONAI hands over a tuple of one.
            kwargs: none are known.

        Raises:
            UnreadableImageError: if the file is missing, truncated, too large, of another format, or no such picture.
        """
        paths = [Path(path) for path in ensure_tuple(data)]
        if len(paths) != 1 or kwargs:
            raise ValueError(f"expected one file and no options, but got {len(paths)} files and {sorted(kwargs)}.")
        return _Picture(self._decode(paths[0]), paths[0])

    def get_data(self, img: _Picture) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Return the pixels ``(C, H, W)`` uint8 and MONAI's metadata: identity affine, ``spatial_shape`` ``(H, W)``."""
        meta = {
            ImageMetaKey.FILENAME_OR_OBJ: str(img.path),
            MetaKeys.SPATIAL_SHAPE: np.asarray(img.pixels.shape[1:]),
            MetaKeys.AFFINE: np.eye(4),
            MetaKeys.ORIGINAL_AFFINE: np.eye(4),
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0,
        }
        return img.pixels, {str(key): value for key, value in meta.items()}

    def _decode(self, path: Path) -> NDArray[np.uint8]:
        try:
            with warnings.catch_warnings():
                # Pillow warns of what is checked here (size), raised anyway (truncation) or ignored (broken EXIF).
                warnings.simplefilter("ignore")
                with Image.open(path, formats=_FORMATS) as image:
                    return self._pixels(image)
        except DAMAGE as error:
            # Reports show the error at the bottom of a chain: `from None` makes that this sentence.
            raise UnreadableImageError(f"{path.name}: {sentence(error, self.max_pixels)}") from None

    def _pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        if image.width * image.height > self.max_pixels:
            size = f"{image.width}x{image.height} pixels"
            raise UnreadableImageError(
                f"expected at most {self.max_pixels} pixels, but got {size}; raise max_pixels or reduce it."
            )
        refuse_misread(image, self.mode == "mask")
        image.load()
        pixels = mask_values(image) if self.mode == "mask" else rgb_levels(image)
        return np.ascontiguousarray(upright(image, pixels).transpose(2, 0, 1))
