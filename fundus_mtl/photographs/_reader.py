"""Read a photograph or a mask exactly as an image viewer shows it.

MONAI's own ``PILReader`` transposes pictures, ignores the EXIF orientation, does not read TIFF, and keeps whatever number
of channels the file has. ``LoadImage`` falls back to it silently when another reader raises, so load through
``fundus_mtl.transforms.LoadFundusd``, which does not.
"""

from __future__ import annotations

import hashlib
import io
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

from fundus_mtl.files import printable
from fundus_mtl.photographs._contents import facts_in, pixels_of
from fundus_mtl.photographs._frame_path import split_frame
from fundus_mtl.photographs._header_facts import HeaderFacts
from fundus_mtl.photographs._source import opened_file, whole_bytes
from fundus_mtl.photographs._unreadable import DAMAGE, UnreadableImageError, sentence

_SUFFIXES = ("jpg", "jpeg", "png", "tif", "tiff", "bmp", "dcm", "dicom", "mha", "nrrd", "nii", "nii.gz")
Mode = Literal["image", "mask"]
SHA256 = "sha256"
"""Key of the hash of the file's bytes in the metadata."""


@dataclass(frozen=True)
class Photograph:
    """What was read from one file, once.

    Attributes:
        pixels: upright, ``(C, H, W)``; in memory the channels of a pixel lie side by side, as in ``picture``.
        path: Path of the file, or of its frame.
        sha256: SHA-256 of the bytes that the pixels were decoded from, 64 hexadecimal digits.
    """

    pixels: NDArray[np.uint8]
    path: Path
    sha256: str

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The same pixels as ``(H, W, C)``, contiguous, for drawing and measuring."""
        return self.pixels.transpose(1, 2, 0)


class FundusReader(ImageReader):
    """Read JPEG, PNG, TIFF, BMP, DICOM, NIfTI, mha and nrrd as upright ``(C, H, W)`` uint8.

    The format is recognised by the file's content, not by its name. The pixel that a person sees at (x, y) is ``[:, y, x]``,
    the EXIF orientation included. A DICOM is shown as it is stored; of one with several frames, ``eye.dcm#2`` is the
    second. NIfTI, mha and nrrd are shown as in ITK-SNAP's axial view, and have a depth of 1.

    A file is read once, if it is a regular file of at most 512 MiB. It has to hold all the pixels that its header promises,
    see the page *Safety of inputs* of the documentation.

    Args:
        mode: ``"image"`` gives three RGB channels whatever the file holds: transparent pixels are laid on black,
            16-bit grey is scaled from the container's range (65535 to 255; BitsStored of a DICOM; never stretched per
            picture), 16-bit colour of PNG and TIFF keeps its upper byte. ``"mask"`` gives one channel with the file's
            own values (palette indices; 0 and 1 of 1-bit files), and reads PNG, TIFF and BMP only.
        max_pixels: largest width x height, checked in the header before anything is decoded. Sides are at most 32,767 px.
            Pillow itself refuses more than 178,956,970 pixels.

    Raises:
        ValueError: if the mode is unknown or ``max_pixels`` is no positive whole number.

    Example:
        >>> pixels, meta = (reader := FundusReader()).get_data(reader.read("eye.jpg"))  # doctest: +SKIP
    """

    def __init__(self, mode: Mode = "image", max_pixels: int = 80_000_000) -> None:
        super().__init__()
        if mode not in ("image", "mask"):
            raise ValueError(f"mode: expected image or mask, but got {mode!r}.")
        if not isinstance(max_pixels, int) or max_pixels < 1:  # NaN would be no limit at all
            raise ValueError(f"max_pixels: expected a whole number from 1, but got {max_pixels}.")
        self.mode, self.max_pixels = mode, max_pixels

    def __call__(self, path: str | os.PathLike[str]) -> NDArray[np.uint8]:
        """Return the upright pixels ``(C, H, W)`` of one file, without metadata."""
        return self.read(path).pixels

    def of_sample(self, sample: Mapping[str, Any], key: str = "image") -> NDArray[np.uint8]:
        """Read again the file that a transformed sample came from; return ``(H, W, C)``, as for drawing."""
        return self(sample[key].meta[ImageMetaKey.FILENAME_OR_OBJ]).transpose(1, 2, 0)

    def verify_suffix(self, filename: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> bool:
        """Return whether the name ends in one of jpg, jpeg, png, tif, tiff, bmp, dcm, dicom, mha, nrrd, nii, nii.gz."""
        return bool(is_supported_format(filename, _SUFFIXES))

    def read(self, data: Sequence[str | os.PathLike[str]] | str | os.PathLike[str], **kwargs: Any) -> Photograph:
        """Decode one file.

        Args:
            data: path of the file; MONAI passes a tuple of one.
            kwargs: none are accepted.

        Raises:
            UnreadableImageError: if the file is missing, truncated, too large, of another format, or no such picture.
        """
        paths = [Path(path) for path in ensure_tuple(data)]
        if len(paths) != 1 or kwargs:
            raise ValueError(f"expected one file and no options, but got {len(paths)} files and {sorted(kwargs)}.")
        with self._sentences(paths[0]):
            name, frame = split_frame(paths[0])
            return self._decode(whole_bytes(name), paths[0], frame)

    def get_data(self, img: Photograph) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Return the pixels ``(C, H, W)`` uint8 and MONAI's metadata.

        Returns:
            The pixels, and a dictionary with an identity affine, ``spatial_shape`` ``(H, W)``, ``filename_or_obj``, and
            ``sha256`` of the file's bytes.
        """
        meta = {
            ImageMetaKey.FILENAME_OR_OBJ: str(img.path),
            MetaKeys.SPATIAL_SHAPE: np.asarray(img.pixels.shape[1:]),
            MetaKeys.AFFINE: np.eye(4),
            MetaKeys.ORIGINAL_AFFINE: np.eye(4),
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0,
            SHA256: img.sha256,
        }
        return img.pixels, {str(key): value for key, value in meta.items()}

    def facts(self, path: str | os.PathLike[str]) -> HeaderFacts:
        """Return eye, scale and burned-in annotation of a file or a frame, from its header; never the patient's identity.

        Returns:
            ``{"laterality": "R" | "L" | "unknown", "mm_per_px": (x, y) or None, "scale_fault": reason or None,
            "burned_in": "yes" | "no" | None}``. ``scale_fault`` says that there is an illegal spacing. The
            spacing of NIfTI, mha and nrrd is None where it is the default of 1; for ordinary pictures all is unknown.

        Raises:
            UnreadableImageError: if the file or its header cannot be read.
        """
        given = Path(path)
        with self._sentences(given):
            name, frame = split_frame(given)
            with opened_file(name) as file:
                return facts_in(file, frame)

    def decoded(self, data: bytes, name: str = "photograph") -> Photograph:
        """Decode the bytes of a file with one picture, without a file.

        Args:
            data: Bytes of the whole file.
            name: Name for the sentence of an error.

        Raises:
            UnreadableImageError: See `read`.
        """
        with self._sentences(Path(name)):
            return self._decode(data, Path(name), None)

    def facts_of(self, data: bytes, name: str = "photograph") -> HeaderFacts:
        """Return the facts of the bytes of a file with one picture, see `facts`.

        Args:
            data: Bytes of the whole file.
            name: Name for the sentence of an error.

        Raises:
            UnreadableImageError: If the header cannot be read.
        """
        with self._sentences(Path(name)):
            return facts_in(io.BytesIO(data), None)

    def _decode(self, data: bytes, path: Path, frame: int | None) -> Photograph:
        pixels = pixels_of(data, frame, self.mode == "mask", self.max_pixels)
        upright = np.ascontiguousarray(pixels).transpose(2, 0, 1)
        return Photograph(upright, path, hashlib.sha256(data).hexdigest())

    @contextmanager
    def _sentences(self, path: Path) -> Iterator[None]:
        """Turn every damage into one sentence with the file's name."""
        try:
            with warnings.catch_warnings():
                # Pillow warns of what is checked here (size), raised anyway (truncation) or ignored (broken EXIF).
                warnings.simplefilter("ignore")
                yield
        except DAMAGE as error:
            # Reports show the error at the bottom of a chain: `from None` makes that this sentence.
            raise UnreadableImageError(f"{printable(path.name)}: {sentence(error, self.max_pixels)}") from None
