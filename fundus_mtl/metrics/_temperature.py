r"""Calibration of a binary classifier by temperature scaling.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017: :math:`p' = \sigma(\mathrm{logit}(p) / T)` with
    the T > 0 that minimises the negative log-likelihood on cases that the network was not trained on. The order of the
    cases does not change, and neither does the AUC.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import exp, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from fundus_mtl.files import write_whole
from fundus_mtl.metrics._classification import known_cases

_CERTAIN = 1e-7  # scores are clipped to this distance from 0 and 1, because float32 rounds high confidence to 0 or 1
_RANGE = (-4.0, 4.0)  # range of log T: T from 0.02 to 55


class Temperature:
    """A temperature that can be called to calibrate scores.

    Args:
        value: T, no unit; above 1 if the network is overconfident.
        cases: Number of cases that the temperature was fitted on.
    """

    def __init__(self, value: float, cases: int = 0) -> None:
        if not (isfinite(value) and value > 0):
            raise ValueError(f"temperature: expected a positive number, but got {value}.")
        self.value, self.cases = float(value), cases

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike) -> Temperature:
        """Fit to scores ``(N,)``, 0 to 1, and labels ``(N,)`` of 0 and 1; cases with a NaN are left out.

        Raises:
            ValueError: if the labels have fewer than two classes.
        """
        from sklearn.metrics import log_loss

        score, label = known_cases(scores, labels)
        if len(np.unique(label)) < 2:
            raise ValueError(
                f"labels: expected both classes, but got {len(label)} cases of one class; calibrate on more cases."
            )
        logits = logit(np.clip(score, _CERTAIN, 1 - _CERTAIN))

        def loss(log_temperature: float) -> float:
            return float(log_loss(label, expit(logits / exp(log_temperature))))

        found = minimize_scalar(loss, bounds=_RANGE, method="bounded", options={"xatol": 1e-8})
        return cls(exp(found.x), len(label))

    def __call__(self, scores: Any) -> Any:
        """Return calibrated scores: a tensor for a tensor, an array for anything else; NaN stays NaN."""
        if isinstance(scores, torch.Tensor):
            return torch.sigmoid(torch.logit(scores.double(), eps=_CERTAIN) / self.value).to(scores.dtype)
        return expit(logit(np.clip(np.asarray(scores, dtype=float), _CERTAIN, 1 - _CERTAIN)) / self.value)

    def save(self, path: str | Path) -> None:
        """Write the temperature as JSON, atomically."""
        write_whole(path, json.dumps({"temperature": self.value, "cases": self.cases}) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Temperature:
        """Read a file that `save` wrote.

        Raises:
            FileNotFoundError: if the file does not exist.
            ValueError: if the file does not contain a temperature.
        """
        numbers = json.loads(Path(path).read_text(encoding="utf-8"))
        value = numbers.get("temperature") if isinstance(numbers, dict) else None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{Path(path).name}: expected a number under the key temperature, but got {numbers!r}.")
        return cls(value, int(numbers.get("cases", 0)))


def fit_temperature(
    rows: Iterable[Mapping[str, Any]], path: str | Path, score: str = "glaucoma_prob", label: str = "glaucoma_true"
) -> Temperature:
    """Fit a temperature on the rows of an evaluation, for example of the validation section, and save it as JSON.

    Args:
        rows: Rows of a `CaseTable`.
        path: Path of the JSON file; its folder is created.
        score: Name of the score column, values 0 to 1.
        label: Name of the label column, values 0 or 1.

    Raises:
        ValueError: if the labels have fewer than two classes.
    """
    pairs = [(row.get(score, np.nan), row.get(label, np.nan)) for row in rows]
    found = Temperature.fit([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    found.save(path)
    return found
