"""ROC curves of several methods with bands over their trainings.

Source: as in Pascal et al., MTL-IO, Fig. 1, with bands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fundus_mtl.figures._look import Look, legend, method_looks, panels, plain, png
from fundus_mtl.figures._mean_roc import MeanROC, mean_roc
from fundus_mtl.figures._plot_rows import TRAINING, checked_rows, order
from fundus_mtl.figures._roc_of_scores import style_roc

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLUMNS = ("method", "fold", "seed", "id", "label", "score")


def roc_of_methods(
    cases: pd.DataFrame,
    methods: Sequence[str] | None = None,
    title: str = "",
    resamples: int = 500,
    seed: int = 0,
) -> bytes | None:
    """Draw each method's mean ROC curve with its band as PNG; the area under it and its interval are in the legend.

    Args:
        cases: one row per training and case: columns ``method, fold, seed, id, label, score``; labels are 0 or 1, and high
            scores mean 1. Cases without a label or a finite score are skipped, and so are trainings without scores of both
            classes.
        methods: all methods of the page in order, see `learning_curves`.
        title: name of the positive class, written above the figure.
        resamples: number of bootstrap samples of the cases for the 95 % band of a method with one training; with several
            trainings, the band is ± 1 standard deviation (n - 1).
        seed: seed of the bootstrap.

    Returns:
        The PNG; None if no training has scores of both classes. Methods without a curve are named in the legend.

    Raises:
        ValueError: if a column or a row's method is missing, a label is neither 0 nor 1, or a training has a
            case twice.
    """
    return png(roc_of_methods_figure(cases, methods, title, resamples, seed))


def roc_of_methods_figure(
    cases: pd.DataFrame, methods: Sequence[str] | None, title: str, resamples: int, seed: int
) -> Figure | None:
    """Return the figure of `roc_of_methods`."""
    rows = _checked(cases)
    curves = _curves(rows, order(rows, methods), resamples, seed)
    if not any(curves.values()):
        return None
    look, entries = method_looks(order(rows, methods)), {}
    figure, (axes,) = panels(1, height=4.6)
    for number, (method, curve) in enumerate(curves.items()):
        entries[_entry(method, curve)] = look[method]
        if curve is not None:
            _draw(axes, curve, look[method], number)
    style_roc(axes)
    legend(figure, entries)
    figure.suptitle("\n".join(filter(None, [plain(title), _note(curves.values())])), fontsize=9)
    return figure


def _checked(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the checked rows; labels are 0 or 1, and each case is once in a training."""
    rows = checked_rows("cases", cases, COLUMNS, ("label", "score"))
    if len(wrong := rows.loc[rows["label"].notna() & ~rows["label"].isin([0, 1]), "label"]):
        raise ValueError(f"cases: expected labels 0 or 1, but got {wrong.iloc[0]:g}.")
    if len(twice := rows[rows.duplicated(["method", TRAINING, "id"])]):
        first = f"{twice['id'].iloc[0]} of {twice['method'].iloc[0]}"
        raise ValueError(f"cases: expected one row per method, fold, seed and id, but got several of case {first}.")
    return rows


def _curves(rows: pd.DataFrame, methods: Sequence[str], resamples: int, seed: int) -> dict[str, MeanROC | None]:
    """Return the curve of each method with rows; None if no training has scores of both classes."""
    curves: dict[str, MeanROC | None] = {}
    for method, of_method in ((method, rows[rows["method"] == method]) for method in methods):
        if len(of_method):
            groups = [group for _, group in of_method.groupby(TRAINING)]
            scores = [(group["score"].to_numpy(), group["label"].to_numpy()) for group in groups]
            curves[method] = mean_roc(scores, resamples, seed)
    return curves


def _draw(axes: Any, curve: MeanROC, look: Look, number: int) -> None:
    """Draw a curve and its band; the markers are shifted, so that curves that cover each other can be seen."""
    axes.plot(curve.false_positive, curve.true_positive, markersize=4.5, linewidth=1.4, markevery=(0.02 * number, 0.2),
              markeredgecolor="white", markeredgewidth=0.4, **look._asdict())  # fmt: skip
    axes.fill_between(curve.false_positive, curve.low, curve.high, color=look.color, alpha=0.16, linewidth=0)


def _entry(method: str, curve: MeanROC | None) -> str:
    """Return the text of the legend: the area with its standard deviation or bootstrap interval."""
    if curve is None:
        return f"{method}: no training has scores of both classes"
    if curve.trainings > 1:
        return f"{method}: AUC {curve.area:.3f} ± {curve.area_high - curve.area:.3f} (n = {curve.trainings})"
    return f"{method}: AUC {curve.area:.3f} [{curve.area_low:.3f}, {curve.area_high:.3f}] (n = 1)"


def _note(curves: Iterable[MeanROC | None]) -> str:
    """Return the explanation of the bands."""
    several = {curve.trainings > 1 for curve in curves if curve is not None}
    kinds = {True: "± 1 standard deviation over the n trainings", False: "95 % of a bootstrap over cases (n = 1)"}
    return "bands: " + ";\n".join(kinds[kind] for kind in sorted(several, reverse=True))
