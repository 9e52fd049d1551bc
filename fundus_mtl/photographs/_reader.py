"""Read a photograph or a mask exactly as an image viewer shows it.

MONAI's own ``PILReader`` transposes pictures, ignores the EXIF orientation, knows no TIFF and hands on whatever
number of channels the file has; ``LoadImage`` falls back to it without a word when another reader fails, so load
through ``fundus_mtl.transforms.LoadFundusd``, which does not.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from monai.data import ImageReader
from monai.data.utils import is_supported_format
from monai.utils import ImageMetaKey, MetaKeys, ensure_tuple
from numpy.typing import NDArray

from fundus_mtl.photographs._formats import Format, format_of
from fundus_mtl.photographs._frame_path import split_frame
from fundus_mtl.photographs._header_facts import Facts, no_facts
from fundus_mtl.photographs._pixels import picture
from fundus_mtl.photographs._unreadable import DAMAGE, UnreadableImageError, sentence

_SUFFIXES = ("jpg", "jpeg", "png", "tif", "tiff", "bmp", "dcm", "dicom", "mha", "nrrd", "nii", "nii.gz")
Mode = Literal["image", "mask"]


@dataclass(frozen=True)
class _Picture:
    """Upright pixels ``(C, H, W)`` and the path that they came from."""

    pixels: NDArray[np.uint8]
    path: Path


class FundusReader(ImageReader):
    """Read JPEG, PNG, TIFF, BMP, DICOM, NIfTI, mha and nrrd as upright ``(C, H, W)`` uint8.

    The format is told by the file's content, not its name. The pixel that a person sees at (x, y) is ``[:, y, x]``,
    the EXIF orientation included. A DICOM is seen as it is stored; of one with several frames, ``eye.dcm#2`` is the
    second. NIfTI, mha and nrrd are seen as in ITK-SNAP's axial view, and have a depth of 1.

    Args:
        mode: ``"image"`` gives three RGB channels whatever the file holds: transparent pixels are laid on black,
            16-bit grey is scaled from the container's range (65535 to 255; BitsStored of a DICOM; never stretched per
            picture), 16-bit colour of PNG and TIFF keeps its upper byte. ``"mask"`` gives one channel with the file's
            own values (palette indices; 0 and 1 of 1-bit files), and reads PNG, TIFF and BMP only.
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
        """Tell whether the name ends in one of jpg, jpeg, png, tif, tiff, bmp, dcm, dicom, mha, nrrd, nii, nii.gz."""
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

    def facts(self, path: str | os.PathLike[str]) -> Facts:
        """Return what the header of a file, or of its frame, says, and never who the patient is.

        Returns:
            ``{"laterality": "R" | "L" | "unknown", "mm_per_px": (x, y) or None, "burned_in": "yes" | "no" | None}``; the
            spacing of NIfTI, mha and nrrd is None where it is the default of 1; ordinary pictures say nothing.

        Raises:
            UnreadableImageError: if the file or its header cannot be read.
        """
        with self._sentences(Path(path)) as (file, frame, found):
            return no_facts() if found is None else found.facts(file, frame)

    def _decode(self, path: Path) -> NDArray[np.uint8]:
        with self._sentences(path) as (file, frame, found):
            if found is None:
                pixels = picture(file, self.mode == "mask", self.max_pixels)
            elif self.mode == "mask":
                raise UnreadableImageError("expected a mask as png, tif or bmp, but got another format; convert it.")
            else:
                pixels = found.levels(file, frame, self.max_pixels)
            return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    @contextmanager
    def _sentences(self, path: Path) -> Iterator[tuple[Path, int | None, Format | None]]:
        """Yield the file, the frame and the format; every damage becomes one sentence with the file's name."""
        try:
            with warnings.catch_warnings():
                # Pillow warns of what is checked here (size), raised anyway (truncation) or ignored (broken EXIF).
                warnings.simplefilter("ignore")
                file, frame = split_frame(path)
                found = format_of(file)
                if frame is not None and (found is None or not found.framed):
                    raise FileNotFoundError
                yield file, frame, found
        except DAMAGE as error:
            # Reports show the error at the bottom of a chain: `from None` makes that this sentence.
            raise UnreadableImageError(f"{path.name}: {sentence(error, self.max_pixels)}") from None
