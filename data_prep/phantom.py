"""Phantoms: drawn photographs with exact ground truth, in the layouts of REFUGE and HRF-AV.

    fundus-mtl prepare phantom OUT --train 40 --validation 20 --test 20
    fundus-mtl prepare phantom OUT --folder 10
    fundus-mtl prepare phantom OUT --hrf-av 15

They let every step from raw folder to report run without a licence or a download. They resemble photographs, they are none:
numbers measured on them show that the code works, and nothing about eyes. Research use only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import nan
from pathlib import Path

from ._command import program, refuse
from ._phantom_anatomy import Camera
from ._phantom_cameras import clinic_cameras, hrf_camera, refuge_camera
from ._phantom_files import write_folder, write_refuge
from ._phantom_hrf_av import write_hrf_av
from ._phantom_image import Phantom, draw_phantom

__all__ = [
    "Camera",
    "Phantom",
    "clinic_cameras",
    "draw_phantom",
    "hrf_camera",
    "main",
    "refuge_camera",
    "write_folder",
    "write_hrf_av",
    "write_refuge",
]


MOST = 100_000  # photographs of one kind
LARGEST = 8192  # px
SMALLEST = 48  # px: the disc is then five pixels high in the smaller photographs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        _draw(options)
    except OSError as error:
        return refuse("The phantoms", error)
    return 0


def _draw(options: argparse.Namespace) -> None:
    size = options.size or (400 if options.hrf_av is None else 600)
    if options.hrf_av is not None:
        write_hrf_av(options.out, options.hrf_av, size, options.seed)
        return
    if options.folder is not None:
        write_folder(options.out, options.folder, size=size, seed=options.seed, share=options.glaucoma_share)
        return
    counts = {"train": options.train, "validation": options.validation, "test": options.test}
    write_refuge(
        options.out,
        counts,
        size=size,
        seed=options.seed,
        share=options.glaucoma_share,
        missing_fovea=options.missing_fovea,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("phantom"),
        description="Draw fundus-like photographs with exact ground truth, in the file layouts of REFUGE and HRF-AV.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="folder to write to; made if it is not there")
    parser.add_argument("--train", type=_count, default=40, help="training photographs (camera 1, not square)")
    parser.add_argument("--validation", type=_count, default=20, help="validation photographs (camera 2, square)")
    parser.add_argument("--test", type=_count, default=20, help="test photographs (camera 3, square)")
    layout = parser.add_mutually_exclusive_group()
    layout.add_argument("--folder", type=_count, help="draw a plain, nested folder of unlabelled photographs instead")
    layout.add_argument(
        "--hrf-av", type=_count, help="draw photographs with artery/vein maps, as HRF-AV unpacks, instead"
    )
    parser.add_argument("--size", type=_size, help="long side of a photograph, px; without it 400, and 600 for HRF-AV")
    parser.add_argument("--seed", type=int, default=0, help="phantom k depends on the seed and k only")
    parser.add_argument("--glaucoma-share", type=_share, default=0.4, help="share of glaucoma labels, 0 to 1")
    parser.add_argument("--missing-fovea", type=_share, default=0.0, help="share of foveas written as REFUGE's (0, 0)")
    return parser


def _count(text: str) -> int:
    return int(_number(text, "a count", 0, MOST))


def _size(text: str) -> int:
    return int(_number(text, "a size in px", SMALLEST, LARGEST))


def _share(text: str) -> float:
    return _number(text, "a share", 0, 1, float)


def _number(text: str, what: str, low: int, high: int, kind: type[int] | type[float] = int) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = nan
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"expected {what} from {low} to {high}, but got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
