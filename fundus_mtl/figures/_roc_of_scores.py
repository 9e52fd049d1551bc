"""ROC curves of the scores of one evaluation, for the same label, in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.figures._look import Look, panels, stable_looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The network's own score has the colour of the task; scores that involve other measurements are grey.
OWN = ("glaucoma_prob_classifier", "classifier")
RATIO = "glaucoma_prob_vcdr"
DERIVED = {
    RATIO: ("regression on the vCDR", Look("0.25", "--", "None")),
    "glaucoma_prob": ("final score", Look("0.55", "-.", "None")),
}


def roc_of_scores(rows: Sequence[Mapping[str, Any]], label: str = "glaucoma_true") -> Figure | None:
    """Draw sensitivity against 1 - specificity of the classifier, the vCDR regression, and the final score.

    Args:
        rows: measurements as of `fundus_mtl.metrics.RefugeCase`; for each curve, cases with NaN are skipped.
        label: column of the true class, 0 or 1, ``<task>_true``.

    Returns:
        The figure, with the area under each curve and the number of its cases in the legend; None if no score has cases
        of both classes.
    """
    from sklearn.metrics import roc_curve

    from fundus_mtl.metrics import auc

    task = label.removesuffix("_true")
    fused = any(np.isfinite(row.get(RATIO, np.nan)) for row in rows)  # otherwise the final score is the classifier's
    own = stable_looks([task])[task]._replace(linestyle="-", marker="None")
    figure, (axes,) = panels(1, height=4.6)
    for column, (name, look) in {OWN[0]: (OWN[1], own), **(DERIVED if fused else {})}.items():
        table = np.array([(row.get(column, np.nan), row.get(label, np.nan)) for row in rows], dtype=float)
        table = table.reshape(-1, 2)
        score, truth = table[~np.isnan(table).any(axis=1)].T
        if len(np.unique(truth)) == 2:
            false_positive, true_positive, _ = roc_curve(truth, score, drop_intermediate=False)
            text = f"{name}: AUC {auc(score, truth):.3f} ({int(truth.sum())} of {len(truth)} positive)"
            axes.plot(false_positive, true_positive, linewidth=1.4, label=text, **look._asdict())
    if not axes.lines:
        return None
    style_roc(axes)
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    axes.set_title(f"{task.capitalize()}, research use only", fontsize=10)
    return figure


def style_roc(axes: Any) -> None:
    """Draw the diagonal of a score without information, and name the axes of a ROC curve."""
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, zorder=1)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel("1 - specificity (no unit)", fontsize=9)
    axes.set_ylabel("sensitivity (no unit)", fontsize=9)
