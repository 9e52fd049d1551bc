r"""Calibration of a binary classifier by temperature scaling.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017: :math:`p' = \sigma(\mathrm{logit}(p) / T)` with
    the T > 0 that minimises the negative log-likelihood on cases that the network was not trained on. The order of the
    cases does not change, and neither does the AUC.

When it is refused: one parameter needs about ten events, here ten cases of each class (Peduzzi et al., A simulation study of
the number of events per variable, J Clin Epidemiol 49, 1996). A temperature outside of 0.05 to 20 comes from the cases,
not from the network: scores that separate the classes make it fall without limit, scores without information make it grow
without limit. At 0.05 a score of 0.6 would become 0.9997, at 20 a score of 0.9999 would become 0.61.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from fundus_mtl.files import read_json, write_whole
from fundus_mtl.metrics._classification import known_cases

_CERTAIN = 1e-7  # scores are clipped to this distance from 0 and 1, because float32 rounds high confidence to 0 or 1
LEAST_CASES = 10  # of each class
LOWEST, HIGHEST = 0.05, 20.0  # range of plausible temperatures
_EDGE = 0.01  # of log T: if the best temperature is this near to a limit, it lies beyond it
_logger = logging.getLogger(__name__)


class Temperature:
    """A temperature that can be called to calibrate scores.

    Args:
        value: T, no unit, from 0.05 to 20; above 1 if the network is overconfident.
        cases: Number of cases that the temperature was fitted on.

    Raises:
        ValueError: if the value is outside of this range.
    """

    def __init__(self, value: float, cases: int = 0) -> None:
        if not (isfinite(value) and value > 0):
            raise ValueError(f"temperature: expected a positive number, but got {value}; calibrate again.")
        if not LOWEST <= value <= HIGHEST:
            raise ValueError(
                f"temperature: expected a number from {LOWEST:g} to {HIGHEST:g}, but got {value:g}; calibrate again on more "
                "cases."
            )
        self.value, self.cases = float(value), cases

    @classmethod
    def fit(cls, scores: ArrayLike, labels: ArrayLike) -> Temperature:
        """Fit to scores ``(N,)``, 0 to 1, and labels ``(N,)`` of 0 and 1; cases with a NaN are left out.

        Raises:
            ValueError: if a score or label is out of range, there are fewer than two classes, the scores are constant, or
                the best temperature lies outside of 0.05 to 20, as for scores that separate the classes.
        """
        from sklearn.metrics import log_loss

        score, label = known_cases(scores, labels)
        _check_cases(score, label)
        logits = logit(np.clip(score, _CERTAIN, 1 - _CERTAIN))

        def loss(log_temperature: float) -> float:
            return float(log_loss(label, expit(logits / exp(log_temperature))))

        bounds = (log(LOWEST), log(HIGHEST))
        found = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x)
        separated = score[label == 1].min() > score[label == 0].max()
        if not bounds[0] + _EDGE < found < bounds[1] - _EDGE:
            near = "do not tell the classes apart" if found > 0 else "are all near 0.5"
            raise ValueError(
                f"scores: expected a best temperature from {LOWEST:g} to {HIGHEST:g}, but got {len(label)} cases whose "
                f"scores {'separate the classes completely' if separated else near}; calibrate on more cases, or do without."
            )
        if separated:
            _logger.warning(
                "The scores of all %d cases separate the classes: the temperature is uncertain.", len(label)
            )
        return cls(exp(found), len(label))

    def __call__(self, scores: Any) -> Any:
        """Return calibrated scores, as a tensor for a tensor, else as an array; NaN stays NaN."""
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
        numbers = read_json(path, nan=True)
        value = numbers.get("temperature") if isinstance(numbers, dict) else None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{Path(path).name}: expected a number under the key temperature, but got {numbers!r}.")
        cases = numbers.get("cases", 0)
        if not isinstance(cases, int) or isinstance(cases, bool):
            raise ValueError(f"{Path(path).name}: expected a whole number under the key cases, but got {cases!r}.")
        return cls(value, cases)


def fit_temperature(
    rows: Iterable[Mapping[str, Any]],
    path: str | Path,
    score: str = "glaucoma_prob_classifier",
    label: str = "glaucoma_true",
) -> Temperature:
    """Fit a temperature on the rows of an evaluation, for example of the validation section, and save it as JSON.

    Args:
        rows: Rows of a `CaseTable`.
        path: Path of the JSON file; its folder is created. A refused fit does not change it.
        score: Name of the score column, values 0 to 1.
        label: Name of the label column, values 0 or 1.

    Raises:
        ValueError: if one of the classes has fewer than ten cases, or as for `Temperature.fit`.
    """
    pairs = [(row.get(score, np.nan), row.get(label, np.nan)) for row in rows]
    scores, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    _, known = known_cases(scores, labels)
    counts = [int((known == value).sum()) for value in (0, 1)]
    if min(counts) < LEAST_CASES:
        raise ValueError(
            f"{label}: expected at least {LEAST_CASES} cases of each class with a score, but got {counts[0]} of 0 and "
            f"{counts[1]} of 1; calibrate on more cases."
        )
    found = Temperature.fit(scores, labels)
    found.save(path)
    return found


def _check_cases(score: NDArray[Any], label: NDArray[Any]) -> None:
    if len(score) and not 0 <= score.min() <= score.max() <= 1:
        raise ValueError(
            f"scores: expected numbers from 0 to 1, but got {score.min():g} to {score.max():g}; give probabilities."
        )
    if len(np.unique(label)) < 2:
        raise ValueError(f"labels: expected both classes, but got {len(label)} cases of one; calibrate on more cases.")
    if np.ptp(score) == 0:
        raise ValueError(
            f"scores: expected scores that differ, but got {score[0]:g} for all {len(label)} cases; train the network first."
        )
