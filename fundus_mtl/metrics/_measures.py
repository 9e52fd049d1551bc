"""Summary measures of an evaluation: name, input columns, unit, definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fundus_mtl.metrics import refuge
from fundus_mtl.metrics._classification import accuracy, auc, sensitivity, sensitivity_at_specificity, specificity
from fundus_mtl.metrics._rank_correlation import rank_correlation


@dataclass(frozen=True)
class SummaryMeasure:
    """A number computed over all cases: a statistic of one column, or of a score and its label.

    Args:
        metric: Name.
        columns: Columns of the rows that the statistic gets, a label last.
        statistic: Function of these columns without unknown cases.
        unit: Unit; empty if it has none.
        definition: Meaning in words.
        classes: Whether the label is a class, 0 or 1, so that each class is resampled by itself.
    """

    metric: str
    columns: tuple[str, ...]
    statistic: Callable[..., float]
    unit: str
    definition: str
    classes: bool = False


def mean(values: np.ndarray) -> float:
    """Return the mean of the values of all cases."""
    return float(np.mean(values))


def _median(values: np.ndarray) -> float:
    return float(np.median(values))


def _share_within(values: np.ndarray, limit: float) -> float:
    return float(np.mean(values <= limit))


def _outline_measures() -> list[SummaryMeasure]:
    mask = "native resolution, without cases whose masks are both empty"
    ratio = "mean absolute error of the clinical vertical cup-to-disc ratio"
    column = "pixels of the column with most pixels"
    inside = "share of predicted disc centroids inside the true disc"
    return [
        SummaryMeasure("disc_dice", ("disc_dice",), mean, "", f"mean Dice of the disc, cup included; {mask}"),
        SummaryMeasure("cup_dice", ("cup_dice",), mean, "", f"mean Dice of the cup; {mask}"),
        SummaryMeasure("vcdr_mae", ("vcdr_abs_error",), mean, "", ratio),
        SummaryMeasure("refuge_disc_dice", ("refuge_disc_dice",), mean, "", "official REFUGE Dice of the disc"),
        SummaryMeasure("refuge_cup_dice", ("refuge_cup_dice",), mean, "", "official REFUGE Dice of the cup"),
        SummaryMeasure(
            "refuge_mae_cdr", ("refuge_ae_cdr",), mean, "", f"official REFUGE error of the ratio, by {column}"
        ),
        SummaryMeasure(
            "disc_centre_error_px", ("disc_centre_error_px",), mean, "px", "mean distance of the disc centroids"
        ),
        SummaryMeasure("disc_centre_inside", ("disc_centre_inside",), mean, "", inside),
    ]


def _fovea_measures() -> list[SummaryMeasure]:
    scales = (
        ("px", "px", "native px (official REFUGE)"),
        ("px256", "px", "px after resizing the photograph to 256 x 256"),
        ("dd", "disc diameters", "true vertical disc diameters"),
    )
    measures = []
    for scale, unit, meaning in scales:
        for name, statistic in ("mean", mean), ("median", _median):
            column, definition = f"fovea_error_{scale}", f"{name} distance of the fovea, {meaning}"
            measures.append(SummaryMeasure(f"{column}_{name}", (column,), statistic, unit, definition))
    for limit in (0.25, 0.5):
        share, definition = partial(_share_within, limit=limit), f"share of foveas within {limit} true disc diameters"
        measures.append(SummaryMeasure(f"fovea_within_{_digits(limit)}_dd", ("fovea_error_dd",), share, "", definition))
    return measures


def score_measures(threshold: float, least: float) -> list[SummaryMeasure]:
    """Return the measures of the glaucoma scores; arguments as in `refuge_measures`."""
    at, least_at = _digits(threshold), _digits(least)
    best = partial(sensitivity_at_specificity, specificity=least)
    rules: tuple[tuple[str, Callable[..., float], str], ...] = (
        ("auc", auc, "area under the ROC curve"),
        (f"accuracy_{at}", partial(accuracy, threshold=threshold), f"share of correct cases at {threshold}"),
        (f"sensitivity_{at}", partial(sensitivity, threshold=threshold), f"sensitivity at {threshold}"),
        (f"specificity_{at}", partial(specificity, threshold=threshold), f"specificity at {threshold}"),
        (f"sensitivity_at_specificity_{least_at}", best, f"highest sensitivity with a specificity of at least {least}"),
        ("refuge_reference_sensitivity", refuge.reference_sensitivity, "official REFUGE number, 0.15 if perfect"),
    )
    scores = (
        ("", "final score, the mean of both where both are known"),
        ("_classifier", "classifier"),
        ("_vcdr", "logistic regression on the predicted vCDR"),
    )
    return [
        SummaryMeasure(
            f"{rule}{suffix}", (f"glaucoma_prob{suffix}", "glaucoma_true"), statistic, "", f"{meaning}; {score}", True
        )
        for suffix, score in scores
        for rule, statistic, meaning in rules
    ]


def _quality_measures() -> list[SummaryMeasure]:
    rank = "Spearman's rank correlation of the predicted and the true quality"
    return [
        SummaryMeasure("quality_rank", ("quality_pred", "quality_true"), rank_correlation, "", rank),
        SummaryMeasure("quality_mae", ("quality_abs_error",), mean, "", "mean absolute error of the quality, 0 to 1"),
    ]


def refuge_measures(threshold: float, least: float) -> list[SummaryMeasure]:
    """Return the summary measures of the rows of `RefugeCase`.

    Args:
        threshold: Smallest probability that counts as positive.
        least: Smallest specificity for ``sensitivity_at_specificity_*``.
    """
    return _outline_measures() + _fovea_measures() + score_measures(threshold, least) + _quality_measures()


def _digits(number: float) -> str:
    """Format 0.85 as 0_85, for names."""
    return f"{number:g}".replace(".", "_")
