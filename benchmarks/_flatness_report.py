"""The figure and the table of `mt_cool_flatness`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TASKS = ("even", "odd")
SHOWN = {  # method of the comparison: label, colour
    "joint": ("Joint", "#999999"),
    "mt_cool_vanilla": ("MT-COOL (Vanilla)", "#e69f00"),
    "mt_cool_without_reg": ("MT-COOL (w/o Reg)", "#56b4e9"),
    "mt_cool_mean": ("MT-COOL (mean, M=2)", "#0072b2"),
    "mt_cool_clean": ("MT-COOL (clean, M=1)", "#009e73"),
}
OTHER = dict(zip(TASKS, reversed(TASKS), strict=True))


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the mean over the seeds and their range, for each task; a ring marks the bound of a method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    panels = figure.subplots(1, len(TASKS), sharey=True)
    for panel, task in zip(panels, TASKS, strict=True):
        for (method, (name, colour)), marker in zip(SHOWN.items(), "osD^v", strict=True):
            curves = np.array([seed[task] for seed in found["loss"][method]])
            mean, bound = curves.mean(axis=0), found["bounds"][method]
            panel.plot(found["radii"], mean, color=colour, marker=marker, markersize=4, label=_label(name, bound))
            panel.fill_between(
                found["radii"], curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0
            )
            if bound:
                height = np.exp(np.interp(bound, found["radii"], np.log(mean)))
                panel.plot(bound, height, "o", color=colour, markersize=12, fillstyle="none")
        panel.set(title=f"task {task}", xlabel=f"radius of the noise on the share of {OTHER[task]}", yscale="log")
    panels[0].set_ylabel("cross-entropy, test digits")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def _label(name: str, bound: float | None) -> str:
    return f"{name}, b = {bound}" if bound else name


def table(found: dict[str, Any]) -> str:
    """Return a Markdown table of the losses at three radii, and of the size of the weights."""
    places = {f"{found['radii'][place]:g}": place for place in (0, 2, 4)}
    head = ["method", *(f"{task}, r = {label}" for task in TASKS for label in places), "rms of the shares"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for method, (name, _) in SHOWN.items():
        cells = [
            f"{np.mean([seed[task][place] for seed in found['loss'][method]]):.3f}"
            for task in TASKS
            for place in places.values()
        ]
        cells = [_label(name, found["bounds"][method]), *cells, f"{np.mean(found['rms'][method]):.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
