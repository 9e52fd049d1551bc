"""Cross-validation folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fundus_mtl.data._datalist_rules import patient_of


def assign_folds(
    items: Iterable[Mapping[str, Any]], folds: int = 5, seed: int = 0, stratify: Sequence[str] = ("glaucoma", "camera")
) -> list[dict[str, Any]]:
    """Assign a ``fold`` to every item, stratified, with all photographs of a patient in the same fold.

    Args:
        items: Items of a datalist.
        folds: Number of folds.
        seed: Seed of the shuffle.
        stratify: Keys whose joint value is the stratum; a missing key counts as a value.

    Raises:
        ValueError: if a stratum has fewer members than the number of folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    pooled: list[dict[str, Any]] = [dict(item) for item in items]
    strata = ["/".join(str(item.get(key)) for key in stratify) for item in pooled]
    stratum, count = min(Counter(strata).items(), key=lambda pair: pair[1], default=("any", 0))
    if count < folds:
        raise ValueError(
            f"Folds: expected at least {folds} photographs of {'/'.join(stratify)} = {stratum}, but got {count}; "
            "use fewer folds or strata."
        )
    patients = [f"patient {name}" if (name := patient_of(item)) else f"photograph {item['id']}" for item in pooled]
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, members) in enumerate(splitter.split(pooled, strata, patients)):
        for member in members:
            pooled[member]["fold"] = fold
    return pooled
