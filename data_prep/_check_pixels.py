"""What is wrong with the pictures of a datalist: the transforms of a training try each of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fundus_mtl.data import PHOTOGRAPH_ERRORS, InspectedDatalist, picture_size, place_of, plain_reason

from ._same_photograph import same_photographs

Item = dict[str, Any]


def pixel_faults(found: InspectedDatalist, coded: Collection[str] = ()) -> list[str]:
    """Return what is wrong with photographs and masks, one sentence each.

    Args:
        found: Inspected datalist.
        coded: Tasks whose files are no masks of one structure; they only have to be readable pictures.
    """
    items = [item for _, item in found.items]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda item: [*_faults(item, found.tasks, coded)], items)
        faults = [*tqdm(results, total=len(items), desc="reading", unit="photograph")]
    readable = [place for place, own in zip(found.items, faults, strict=True) if not own]
    return [*(fault for own in faults for fault in own), *_near_copies(readable)]


def _faults(item: Item, tasks: Collection[str], coded: Collection[str]) -> Iterator[str]:
    from fundus_mtl.photographs import FundusReader
    from fundus_mtl.transforms import LoadFundusd

    reader = FundusReader()
    try:
        sample = LoadFundusd(["image"], reader)(dict[Hashable, Any](item.items()))
    except PHOTOGRAPH_ERRORS as error:
        yield _sentence(item, "image", error)
        return
    for task in (task for task in tasks if task in item):
        try:
            if task in coded:
                reader.read(item[task])
            else:
                _try_label(sample, task)
        except PHOTOGRAPH_ERRORS as error:
            yield _sentence(item, task, error)


def _try_label(sample: dict[Hashable, Any], task: str) -> None:
    """Load a label as a training does.

    Raises:
        ValueError: If the training would refuse it.
    """
    from fundus_mtl.photographs import FundusReader
    from fundus_mtl.transforms import LoadFundusd, MissingLabelsd

    if isinstance(sample[task], str):
        MissingLabelsd(masks=[task])(LoadFundusd([task], FundusReader("mask"))(sample))
    elif isinstance(sample[task], list):
        MissingLabelsd(points=[task])(sample)
    else:
        MissingLabelsd(numbers=[task])(sample)


def _sentence(item: Item, key: str, error: BaseException) -> str:
    reason = plain_reason(error)
    return reason if reason.startswith(f"{item['id']}: ") else f"{item['id']}, {key}: {reason}"


def _near_copies(items: list[tuple[str, Item]]) -> Iterator[str]:
    """Yield photographs that look the same and are in two splits or folds; formats without a thumbnail are left out."""
    seen = [(place_of(section, item), item) for section, item in items if _has_thumbnail(item["image"])]
    for (place, item), first in zip(seen, same_photographs([Path(item["image"]) for _, item in seen]), strict=True):
        if seen[first][0] != place:
            yield (
                f"{item['id']}: expected every photograph in one split and fold, but got one that looks the same as "
                f"{seen[first][1]['id']} in {seen[first][0]} and here in {place}; remove one of the two."
            )


def _has_thumbnail(image: str) -> bool:
    try:
        picture_size(image)
    except PHOTOGRAPH_ERRORS:
        return False
    return True
