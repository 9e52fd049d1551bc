"""The ways to split HRF-AV, each a datalist; none lets a photograph that is tested on choose a model.

The data set names no patients, and as far as is known no patient has two photographs, so there is no ``patient`` key: one
that repeats the id would claim what nobody has checked. The number before the diagnosis is no patient either.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from fundus_mtl.data import assign_folds

from ._hrf_av_items import VESSELS, Item, diagnosis

FOLDS, PHOTOGRAPHS, LEAST = 5, 45, 3
TASKS = (*VESSELS, "fov", "artery_vein_map", "glaucoma")
LICENCE = (
    "Photographs and field-of-view masks CC BY 4.0 (as commonly known, check the owners' page); the artery/vein maps came "
    "without a licence file, their authors ask for a citation"
)
SOURCE = (
    "HRF (Budai et al., 2013), artery/vein maps by Hemelings et al., Computerized Medical Imaging and Graphics, 2019. "
)
_logger = logging.getLogger(__name__)


def documents(items: Sequence[Item], seed: int) -> dict[str, dict[str, Any]]:
    """Return the datalists by file name: MT-COOL's 15/30 in two forms, the public 24/21, and five folds.

    Args:
        items: sorted by id.
        seed: Seed of whatever is drawn.

    Raises:
        ValueError: if a diagnosis has too few photographs to train, validate and test on.
    """
    _check_counts(items, LEAST)
    if len(items) != PHOTOGRAPHS:
        _logger.warning(
            "HRF-AV: expected %d photographs, but got %d; the splits are of those.", PHOTOGRAPHS, len(items)
        )
    return _mt_cool(items, seed) | {
        "datalist_public.json": _public(items, seed),
        "datalist_cv5.json": _cross_validation(items, seed),
    }


def _mt_cool(items: Sequence[Item], seed: int) -> dict[str, dict[str, Any]]:
    drawn = _a_third(items, seed)
    pool = _in_folds([item for item in items if item["id"] in drawn], FOLDS, seed)
    testing = [item for item in items if item["id"] not in drawn]
    text = (
        f"MT-COOL's 15/30: a third of each diagnosis, here {len(pool)} photographs drawn with seed {seed}, is for training, "
        f"the other {len(testing)} for testing. "
    )
    one_chooses = (
        "The paper names no validation set; here one of those for training per diagnosis chooses the model, so that no test "
        "photograph does."
    )
    none_chooses = (
        "All of them train, so nothing is left to choose a model: take the last one, after a length of training that was "
        "fixed beforehand. That length can be chosen by cross-validation on their folds, which have one photograph per "
        "diagnosis; fold 0 is the validation section of datalist_mt_cool.json."
    )
    name, parts = "HRF-AV, MT-COOL's 15/30", _fold_0_validates(pool)
    return {
        "datalist_mt_cool.json": _document(name, text + one_chooses, **parts, testing=testing),
        "datalist_mt_cool_all15.json": _document(f"{name}, all 15 train", text + none_chooses, pool, testing=testing),
    }


def _a_third(items: Sequence[Item], seed: int) -> set[str]:
    """Draw the ids of a third of each diagnosis, 5 of 15: the paper does not say which photographs it took."""
    generator, drawn = np.random.default_rng(seed), set[str]()
    for kind in sorted(set(map(diagnosis, items))):
        members = [item["id"] for item in items if diagnosis(item) == kind]
        drawn.update(generator.permutation(members)[: max(2, round(len(members) / 3))].tolist())
    return drawn


def _public(items: Sequence[Item], seed: int) -> dict[str, Any]:
    """Numbers 01 to 08 of 15 train; where there are fewer (phantoms), as large a part of them."""
    numbers = [int(item["id"].partition("_")[0]) for item in items]
    last = math.ceil(max(numbers) * 8 / 15)
    pool = [item for item, number in zip(items, numbers, strict=True) if number <= last]
    return _document(
        "HRF-AV, public 24/21",
        f"Split of rmaphoh/Learning-AVSegmentation: of each diagnosis 01 to {last:02d} are for training, the others for "
        f"testing. One of those for training per diagnosis, drawn with seed {seed}, chooses the model, so that no test "
        "photograph does.",
        **_fold_0_validates(_in_folds(pool, len(pool), seed)),
        testing=[item for item, number in zip(items, numbers, strict=True) if number > last],
    )


def _cross_validation(items: Sequence[Item], seed: int) -> dict[str, Any]:
    folded = _in_folds(items, FOLDS, seed)
    return _document(
        "HRF-AV, cross-validation",
        f"All photographs in {len({item['fold'] for item in folded})} folds, stratified by diagnosis, seed {seed}; none is "
        "kept for testing.",
        training=folded,
    )


def _document(
    name: str, text: str, training: Sequence[Item], validation: Sequence[Item] = (), testing: Sequence[Item] = ()
) -> dict[str, Any]:
    sections = {"training": list(training), "validation": list(validation), "testing": list(testing)}
    return {"name": name, "licence": LICENCE, "source": SOURCE + text, "tasks": list(TASKS), **sections}


def _in_folds(items: Sequence[Item], most: int, seed: int) -> list[Item]:
    """Give each item a fold, stratified by diagnosis: ``most`` folds, or as many as the rarest has photographs."""
    folds = min(most, *_check_counts(items, least=2).values())
    marked = assign_folds(
        [item | {"stratum": diagnosis(item)} for item in items], folds=folds, seed=seed, stratify=("stratum",)
    )
    return [{key: value for key, value in item.items() if key != "stratum"} for item in marked]


def _fold_0_validates(items: Sequence[Item]) -> dict[str, list[Item]]:
    parts: dict[str, list[Item]] = {"training": [], "validation": []}
    for item in items:
        section = "training" if item["fold"] else "validation"
        parts[section].append({key: value for key, value in item.items() if key != "fold"})
    return parts


def _check_counts(items: Sequence[Item], least: int) -> Counter[str]:
    counts = Counter(map(diagnosis, items))
    rarest, count = min(counts.items(), key=lambda pair: pair[1], default=("any", 0))
    if count < least:
        raise ValueError(
            f"HRF-AV: expected at least {least} photographs of each diagnosis in a split, but got {count} of {rarest}; "
            "unpack the whole data set."
        )
    return counts
