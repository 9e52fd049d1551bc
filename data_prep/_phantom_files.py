"""Write phantoms to disk: as REFUGE's archives unpack, and as a clinic's folder of unlabelled photographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._phantom_cameras import clinic_cameras, refuge_camera
from ._phantom_image import Phantom
from ._phantom_layout import BACKGROUND, CUP, RIM, SplitLayout, refuge_layout
from ._phantom_source import PhantomSource

STREAMS = ("train", "validation", "test", "clinic_a", "clinic_b", "hrf_av")
QUALITY = 90  # of the JPEG files


def write_refuge(
    out: Path, counts: Mapping[str, int], *, size: int, seed: int, share: float, missing_fovea: float = 0.0
) -> None:
    """Write splits of phantoms as REFUGE's archives unpack.

    Args:
        out: folder to write to.
        counts: number of phantoms per split (``train``, ``validation``, ``test``); a split of none is not written.
        size: long side of a training photograph, px; the other cameras' photographs are scaled as REFUGE's are.
        seed: Seed of all that is drawn.
        share: Share of glaucoma labels, 0 to 1.
        missing_fovea: share of foveas that are written as (0, 0), REFUGE's "missing".
    """
    for split, count in counts.items():
        if count:
            source = PhantomSource(refuge_camera(split, size), seed, STREAMS.index(split), share)
            _write_split(out, split, source, count, missing_fovea)


def write_folder(out: Path, count: int, *, size: int, seed: int, share: float) -> None:
    """Write unlabelled photographs to one sub-folder per camera of a clinic, ``out/clinic_a/0001.jpg`` and so on.

    Args:
        out: folder to write to.
        count: Number of all photographs; the first sub-folder takes the odd one.
        size: long side of a photograph, px.
        seed: Seed of all that is drawn.
        share: Share of large cups, 0 to 1.
    """
    from tqdm import tqdm

    cameras = clinic_cameras(size)
    for index, (name, camera) in enumerate(cameras.items()):
        source = PhantomSource(camera, seed, STREAMS.index(name), share)
        amount = (count + len(cameras) - 1 - index) // len(cameras)
        for number, phantom in enumerate(tqdm(source.draw(amount), desc=name, total=amount, disable=None), start=1):
            save_picture(phantom.image, out / name / f"{number:04d}.jpg")


def refuge_mask(phantom: Phantom) -> NDArray[np.uint8]:
    """Encode disc and cup in REFUGE's codes, shape ``(H, W)``: 0 cup, 128 rim, 255 background."""
    mask = np.full(phantom.disc.shape, BACKGROUND, np.uint8)
    mask[phantom.disc] = RIM
    mask[phantom.cup] = CUP
    return mask


def _write_split(out: Path, split: str, source: PhantomSource, count: int, missing_fovea: float) -> None:
    import pandas as pd
    from tqdm import tqdm

    layout, numbers, rows = refuge_layout(split), Counter[bool](), []
    for index, phantom in enumerate(tqdm(source.draw(count), desc=split, total=count, disable=None)):
        counter = phantom.glaucoma and layout.letter is None  # only the training split counts the classes apart
        numbers[counter] += 1
        name = layout.name(phantom.glaucoma, numbers[counter])
        save_picture(phantom.image, out / layout.images / f"{name}.jpg")
        save_picture(refuge_mask(phantom), out / layout.masks / f"{name}.bmp")
        rows.append(_row(layout, name, phantom, source.chance(index) < missing_fovea))
    rows.sort(key=lambda row: str(row["ImgName"]))
    table = pd.DataFrame([{"ID": number, **row} for number, row in enumerate(rows, start=1)])
    table.to_excel(out / layout.sheet, index=False)


def _row(layout: SplitLayout, name: str, phantom: Phantom, missing: bool) -> dict[str, object]:
    label = {} if layout.label_column is None else {layout.label_column: int(phantom.glaucoma)}
    fovea = (0.0, 0.0) if missing else phantom.fovea_xy
    return {"ImgName": f"{Path(name).name}.jpg", **label, "Fovea_X": fovea[0], "Fovea_Y": fovea[1]}


def save_picture(pixels: NDArray[np.uint8], path: Path, compression: str | None = None) -> None:
    """Write a picture in the format of the suffix, making its folder; ``compression`` is that of TIFF files."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"compression": compression} if compression else {"quality": QUALITY}))
