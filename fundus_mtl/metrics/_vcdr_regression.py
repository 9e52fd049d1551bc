r"""Glaucoma's probability from the vertical cup-to-disc ratio alone: the second classifier of MTL-IO.

Source: the MTL-IO paper, "linear classifier", :math:`p = 1 / (1 + \exp(-(a\,\mathrm{vCDR} + b)))`, a and b fitted by
    scikit-learn's
logistic regression (lbfgs, C = 1) on the training set's true masks. Where we deviate: the ratio is the clinical
`fundus_mtl.biomarkers.vertical_cdr` for the truth and the prediction alike; theirs sums probabilities down the
columns. Research use only.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from fundus_mtl.biomarkers import vertical_cdr
from fundus_mtl.files import write_whole
from fundus_mtl.metrics._classification import known_cases


class VCDRRegression:
    """A logistic curve over the vertical cup-to-disc ratio.

    Args:
        coefficient: a, per unit of ratio.
        intercept: b.
    """

    def __init__(self, coefficient: float, intercept: float) -> None:
        self.coefficient = coefficient
        self.intercept = intercept

    @classmethod
    def fit(cls, vcdr: ArrayLike, labels: ArrayLike) -> VCDRRegression:
        """Fit to ratios ``(N,)`` and labels ``(N,)`` of 0 and 1; cases with a NaN are left out.

        Raises:
            ValueError: if there are fewer than two classes.
        """
        from sklearn.linear_model import LogisticRegression

        ratio, label = known_cases(vcdr, labels)
        if len(np.unique(label)) < 2:
            raise ValueError(
                f"labels: expected both classes, but got {int((label == 0).sum())} negative and "
                f"{int((label == 1).sum())} positive cases with a ratio."
            )
        model = LogisticRegression(C=1.0, solver="lbfgs").fit(ratio[:, None], label)
        return cls(float(model.coef_[0, 0]), float(model.intercept_[0]))

    def predict(self, vcdr: ArrayLike) -> NDArray[np.float64]:
        """Return the probability, 0 to 1, for ratios of any shape; NaN for NaN."""
        return np.asarray(expit(self.coefficient * np.asarray(vcdr, dtype=float) + self.intercept))

    def save(self, path: str | Path) -> None:
        """Write the two numbers as JSON, whole or not at all."""
        numbers = {
            "coefficient": self.coefficient,
            "intercept": self.intercept,
            "of": "clinical vertical cup-to-disc ratio",
        }
        write_whole(path, json.dumps(numbers, indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> VCDRRegression:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not such a JSON.
        """
        numbers = json.loads(Path(path).read_text(encoding="utf-8"))
        values: list[Any] = (
            [numbers.get(key) for key in ("coefficient", "intercept")] if isinstance(numbers, dict) else []
        )
        if not values or not all(isinstance(value, int | float) and isfinite(value) for value in values):
            raise ValueError(
                f"{Path(path).name}: expected finite numbers coefficient and intercept, but got {numbers!r}."
            )
        return cls(*(float(value) for value in values))


def fit_vcdr_regression(
    items: Iterable[Mapping[str, Any]],
    read_mask: Callable[[Any], ArrayLike],
    path: str | Path,
    disc: str = "disc",
    cup: str = "cup",
    label: str = "glaucoma",
) -> VCDRRegression | None:
    """Fit on the true masks of a datalist's training items and keep the result as JSON.

    Args:
        items: of the datalist; those without disc, cup or label are skipped.
        read_mask: from an item's entry to a mask ``(1, H, W)``, nonzero is structure.
        path: of the JSON to write; its folder is made.
        disc: the key of the disc's mask.
        cup: the key of the cup's mask.
        label: the key of the label, 0 or 1.

    Returns:
        The regression; None, with a warning and with no file left, where fewer than two classes have a ratio.
    """
    labelled = [item for item in items if all(item.get(key) is not None for key in (disc, cup, label))]
    labels = np.array([float(item[label]) for item in labelled])
    ratios = np.array(
        [vertical_cdr(*(np.asarray(read_mask(item[key]))[0] for key in (disc, cup))) for item in labelled]
    )
    if len(np.unique(labels[~np.isnan(ratios)])) < 2:
        Path(path).unlink(missing_ok=True)  # an older run's curve must not pass for this one's
        warnings.warn(
            f"no regression of {label} on the cup-to-disc ratio: fewer than two classes have one.", stacklevel=2
        )
        return None
    regression = VCDRRegression.fit(ratios, labels)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    regression.save(path)
    return regression
