"""Memory and time of tiled inference: a photograph of HRF's size and the network of hrf_av_mtl, one process per row.

``python benchmarks/tile_memory.py``: rows are width, patch and zoom; *answer* is the memory that the inferer must hold
(float32 of three channels, the sum of their weights, and the image), *peak* the largest resident memory above the start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

SIZE = (2336, 3504)  # px, rows and columns of HRF
ROWS = ((8, 256, 0.5), (8, 512, 0.5), (8, 256, 1.0), (16, 512, 1.0), (16, 1024, 1.0))


def measure(width: int, patch: int, zoom: float) -> str:
    """Run one row in this process and return its cells."""
    import psutil
    import torch
    from monai.losses import DiceFocalLoss

    from fundus_mtl.engines import TiledInferer
    from fundus_mtl.networks import SplitUNet
    from fundus_mtl.tasks import Task

    torch.set_num_threads(1)
    loss = DiceFocalLoss(sigmoid=True)
    tasks = [Task("artery_vein", 2, "segmentation", loss), Task("vessel", 1, "segmentation", loss)]
    network = SplitUNet(tasks=tasks, width=width, depth=4, dropout=0.0, norm="running", classifier_inputs=[]).eval()
    inferer = TiledInferer(
        dense=[task.name for task in tasks],
        whole_size=512,
        roi_size=(patch, patch),
        sw_batch_size=1,
        overlap=0.25,
        mode="gaussian",
    )
    height, across = (round(side * zoom) for side in SIZE)
    before = psutil.Process().memory_info().rss
    image = torch.zeros(1, 3, height, across)
    start = time.perf_counter()
    with torch.no_grad():
        inferer(image, network)
    seconds = time.perf_counter() - start
    answer = (3 + 1 + 3) * 4 * height * across
    peak = _peak() - before
    return f"| {width} | {patch} | {zoom} | {answer / 2**20:.0f} | {peak / 2**20:.0f} | {seconds:.1f} |"


def _peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print the table, or one row of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", nargs=3, metavar=("WIDTH", "PATCH", "ZOOM"), help="measure only this row")
    given = parser.parse_args()
    if given.row:
        print(measure(int(given.row[0]), int(given.row[1]), float(given.row[2])))
        return
    print(
        "| width | patch, px | zoom | answer, MiB | peak, MiB | one thread, s |\n|--:|--:|--:|--:|--:|--:|", flush=True
    )
    for row in ROWS:
        subprocess.run([sys.executable, __file__, "--row", *map(str, row)], check=True)


if __name__ == "__main__":
    main()
