"""The three ways to split REFUGE, each a datalist."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fundus_mtl.data import assign_folds

FOLDS, HELD_OUT = 5, 0.1
TASKS = ("disc", "cup", "fovea", "glaucoma")
LICENCE = "REFUGE terms of use: registration at refuge.grand-challenge.org, research only, no redistribution"
SOURCE = "REFUGE challenge (Orlando et al., Medical Image Analysis 59, 2020), refuge.grand-challenge.org. "

Item = dict[str, Any]
Splits = Mapping[str, Sequence[Item]]
_logger = logging.getLogger(__name__)


def documents(items: Splits, seed: int) -> dict[str, dict[str, Any]]:
    """Return the datalists by file name: the challenge's own split, five folds, and MT-COOL's 800/400.

    Args:
        items: Items of ``training``, ``validation`` and ``testing``, as the challenge splits them.
        seed: Seed of the folds and of the held-out share.

    Raises:
        ValueError: if the training split has photographs of one class only, or fewer than there are folds.
    """
    classes = Counter(item["glaucoma"] for item in items["training"])
    if len(classes) < 2:
        got = "glaucoma" if 1 in classes else "non-glaucoma"
        raise ValueError(f"training: expected both classes, but got {got} only; unpack the whole training split.")
    found = {
        "datalist_official.json": _document("REFUGE, official split", "Split of the challenge.", items),
        "datalist_cv5.json": _cross_validation(items, seed),
        "datalist_mt_cool.json": _mt_cool(items, seed),
    }
    for name, document in found.items():
        _warn_of_one_class(name, document)
    return found


def _cross_validation(items: Splits, seed: int) -> dict[str, Any]:
    pool = [*items["training"], *items["validation"]]
    strata = _strata(pool, least=FOLDS)
    marked = [item | {"stratum": stratum} for item, stratum in zip(pool, strata, strict=True)]
    folded = assign_folds(marked, folds=FOLDS, seed=seed, stratify=("stratum",))
    for item in folded:
        del item["stratum"]
    text = (
        f"Training and validation pooled in {FOLDS} folds, stratified by label and camera, seed {seed}; "
        "testing as in the challenge."
    )
    return _document(
        "REFUGE, 5-fold cross-validation", text, {"training": folded, "validation": [], "testing": items["testing"]}
    )


def _mt_cool(items: Splits, seed: int) -> dict[str, Any]:
    pool = [*items["training"], *items["validation"]]
    held_out = _hold_out(_strata(pool, least=2), seed)
    parts: dict[str, list[Item]] = {"training": [], "validation": []}
    for index, item in enumerate(pool):
        parts["validation" if index in held_out else "training"].append(item)
    text = (
        "MT-COOL's 800/400: training and validation of the challenge pooled, tested on its test split. The paper names no "
        f"validation set; here {HELD_OUT:.0%} of the pool, stratified by label and camera with seed {seed}, are held out of "
        "training for choosing the model, so that the choice never sees the test split."
    )
    return _document("REFUGE, MT-COOL's 800/400", text, parts | {"testing": items["testing"]})


def _document(name: str, text: str, items: Splits) -> dict[str, Any]:
    head = {"name": name, "licence": LICENCE, "source": SOURCE + text, "tasks": list(TASKS)}
    return head | {section: list(items[section]) for section in ("training", "validation", "testing")}


def _warn_of_one_class(name: str, document: Mapping[str, Any]) -> None:
    groups: dict[str, set[Any]] = {}
    for section in ("training", "validation", "testing"):
        for item in document[section]:
            group = f"fold {item['fold']}" if "fold" in item else section
            groups.setdefault(group, set()).add(item.get("glaucoma"))
    for group, labels in groups.items():
        if not {0, 1} <= labels:
            _logger.warning("%s: expected photographs with and without glaucoma in %s, but got one class.", name, group)


def _strata(items: Sequence[Item], least: int) -> list[str]:
    """Return each item's stratum, its label and camera; one with too few members joins the largest of its label."""
    labels = [str(item.get("glaucoma")) for item in items]
    strata = [f"{label}/{item['camera']}" for label, item in zip(labels, items, strict=True)]
    counts = Counter(strata)
    homes = {}
    for label, stratum in zip(labels, strata, strict=True):
        if counts[stratum] < least:
            siblings = [other for other in counts if other.startswith(f"{label}/")]
            homes[stratum] = max(siblings, key=lambda other: (counts[other], other))
    joined = Counter(homes.get(stratum, stratum) for stratum in strata)
    largest = max(joined, key=lambda stratum: (joined[stratum], stratum))
    final = {stratum: stratum if count >= least else largest for stratum, count in joined.items()}
    return [final[homes.get(stratum, stratum)] for stratum in strata]


def _hold_out(strata: Sequence[str], seed: int) -> set[int]:
    """Return the positions of a seeded share of every stratum, at least one of each that has two."""
    generator = np.random.default_rng(seed)
    chosen: set[int] = set()
    for stratum in sorted(set(strata)):
        members = [index for index, other in enumerate(strata) if other == stratum]
        count = max(round(HELD_OUT * len(members)), int(len(members) > 1))
        chosen.update(generator.permutation(members)[:count].tolist())
    return chosen
