r"""Probability of glaucoma from the vertical cup-to-disc ratio alone: the second classifier of MTL-IO.

Source: the MTL-IO paper, "linear classifier", :math:`p = 1 / (1 + \exp(-(a\,\mathrm{vCDR} + b)))`, with a and b fitted
    by scikit-learn's logistic regression (lbfgs, C = 1) on the true masks of the training set. Deviation from the
    paper: the ratio is the clinical `fundus_mtl.biomarkers.vertical_cdr` for both truth and prediction, while the paper
    sums probabilities along the columns. Research use only.
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
from fundus_mtl.files import read_json, write_whole
from fundus_mtl.metrics._classification import known_cases


class VCDRRegression:
    """A logistic function of the vertical cup-to-disc ratio.

    Args:
        coefficient: a, per unit of the ratio.
        intercept: b, no unit.
    """

    def __init__(self, coefficient: float, intercept: float) -> None:
        self.coefficient = coefficient
        self.intercept = intercept

    @classmethod
    def fit(cls, vcdr: ArrayLike, labels: ArrayLike, inverse_penalty: float = 1.0) -> VCDRRegression:
        """Fit to ratios ``(N,)`` and labels ``(N,)`` of 0 and 1; cases with a NaN are left out.

        Args:
            vcdr: Ratios.
            labels: Classes.
            inverse_penalty: scikit-learn's C. The paper's 1 makes the curve nearly flat if there are few cases, because
                ratios differ by tenths only; a larger value lets the cases decide.

        Raises:
            ValueError: if the labels have fewer than two classes.
        """
        from sklearn.linear_model import LogisticRegression

        ratio, label = known_cases(vcdr, labels)
        if len(np.unique(label)) < 2:
            raise ValueError(
                f"labels: expected both classes, but got {int((label == 0).sum())} negative and "
                f"{int((label == 1).sum())} positive cases with a ratio."
            )
        model = LogisticRegression(C=inverse_penalty, solver="lbfgs").fit(ratio[:, None], label)
        return cls(float(model.coef_[0, 0]), float(model.intercept_[0]))

    def predict(self, vcdr: ArrayLike) -> NDArray[np.float64]:
        """Return the probability, 0 to 1, for ratios of any shape; NaN for NaN."""
        return np.asarray(expit(self.coefficient * np.asarray(vcdr, dtype=float) + self.intercept))

    def save(self, path: str | Path) -> None:
        """Write both numbers as JSON, atomically."""
        numbers = {
            "coefficient": self.coefficient,
            "intercept": self.intercept,
            "of": "vertical cup-to-disc ratio",
        }
        write_whole(path, json.dumps(numbers, indent=2) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> VCDRRegression:
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: if the file does not exist.
            ValueError: if the file does not contain the two numbers.
        """
        numbers = read_json(path, nan=True)
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
    ratio: Callable[[NDArray[Any], NDArray[Any]], float] = vertical_cdr,
    inverse_penalty: float = 1.0,
) -> VCDRRegression | None:
    """Fit the regression on the true masks of training items and save it as JSON.

    Args:
        items: Items of the datalist; items without disc, cup or label are skipped.
        read_mask: Function from an entry of an item to a mask ``(1, H, W)``, nonzero inside the structure.
        path: Path of the JSON file; its folder is created.
        disc: Key of the disc mask.
        cup: Key of the cup mask.
        label: Key of the label, 0 or 1.
        ratio: Function from the masks ``(H, W)`` of disc and cup to the vertical cup-to-disc ratio.
        inverse_penalty: See `VCDRRegression.fit`.

    Returns:
        The regression. None if fewer than two classes have a ratio; a warning is then issued and an existing file is
        deleted.
    """
    labelled = [item for item in items if all(item.get(key) is not None for key in (disc, cup, label))]
    labels = np.array([float(item[label]) for item in labelled])
    ratios = np.array([ratio(*(np.asarray(read_mask(item[key]))[0] for key in (disc, cup))) for item in labelled])
    if len(np.unique(labels[~np.isnan(ratios)])) < 2:
        Path(path).unlink(missing_ok=True)  # so that the file of an older run is not used
        warnings.warn(
            f"no regression of {label} on the cup-to-disc ratio: fewer than two classes have a ratio.", stacklevel=2
        )
        return None
    regression = VCDRRegression.fit(ratios, labels, inverse_penalty)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    regression.save(path)
    return regression
