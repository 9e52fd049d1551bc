"""ROC curves of the glaucoma scores in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.metrics import auc

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind eyes tell apart, and line styles for those who print in grey.
CURVES = (
    ("glaucoma_prob", "classifier", "#0072B2", "-"),
    ("glaucoma_prob_vcdr", "regression on the vCDR", "#E69F00", "--"),
    ("glaucoma_prob_mean", "mean of both", "#009E73", "-."),
)


def roc_of_scores(rows: Sequence[Mapping[str, Any]], label: str = "glaucoma_true") -> Figure | None:
    """Draw sensitivity against 1 - specificity of the classifier, the vCDR regression, and their mean.

    Args:
        rows: of `fundus_mtl.metrics.RefugeCase`; cases with a NaN are left out, curve by curve.
        label: column of the true class, 0 or 1.

    Returns:
        The figure, with the area under each curve and the number of its cases in the legend; None where no score has
        cases of both classes.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for column, name, colour, style in CURVES:
        table = np.array([(row.get(column, np.nan), row.get(label, np.nan)) for row in rows], dtype=float).reshape(
            -1, 2
        )
        score, truth = table[~np.isnan(table).any(axis=1)].T
        if len(np.unique(truth)) == 2:
            false_positive, true_positive, _ = roc_curve(truth, score, drop_intermediate=False)
            legend = f"{name}: AUC {auc(score, truth):.3f} ({int(truth.sum())} of {len(truth)} positive)"
            axes.plot(false_positive, true_positive, style, color=colour, label=legend)
    if not axes.lines:
        return None
    axes.plot([0, 1], [0, 1], ":", color="grey", linewidth=1)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", fontsize=8)
    axes.set_title("Glaucoma, research use only", fontsize=10)
    return figure
