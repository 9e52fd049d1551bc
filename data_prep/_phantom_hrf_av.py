"""Write phantoms as HRF-AV unpacks: photographs, artery/vein maps in the data set's colours, field-of-view masks.

Names and colours are those of HRF (Budai et al. 2013) and of the maps of Hemelings et al. (2019). Phantoms of diabetic
retinopathy have its name only: no lesions are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ._phantom_cameras import hrf_camera
from ._phantom_files import STREAMS, save_picture
from ._phantom_source import PhantomSource

NAMES = ("h.jpg", "g.jpg", "dr.JPG")  # the capital suffix is HRF's own


def write_hrf_av(folder: Path, count: int, size: int = 600, seed: int = 0) -> None:
    """Write phantoms to ``images/``, ``av_gt/`` and ``fov_mask/``: 01_h, 01_g, 01_dr, 02_h and so on.

    Args:
        folder: Folder to write to; made if it does not exist.
        count: Number of photographs; phantom k depends on the seed and k only.
        size: width of a photograph, px; the height is two thirds.
        seed: Seed of all that is drawn.
    """
    from tqdm import tqdm

    from fundus_mtl.metrics.av import paint

    source = PhantomSource(hrf_camera(size), seed, STREAMS.index("hrf_av"), share=1 / 3, artery_on_top=True)
    for number in tqdm(range(count), desc="hrf_av", disable=None):
        name = f"{number // 3 + 1:02d}_{NAMES[number % 3]}"
        phantom = source.phantom(number, glaucoma=name.endswith("_g.jpg"))
        stem = name.partition(".")[0]
        save_picture(phantom.image, folder / "images" / name)
        save_picture(paint(phantom.arteries, phantom.veins), folder / "av_gt" / f"{stem}_AVmanual.png")
        field = np.repeat(phantom.field[..., None], 3, axis=2).astype(np.uint8) * 255  # HRF's masks are RGB
        save_picture(field, folder / "fov_mask" / f"{stem}_mask.tif", compression="tiff_lzw")
