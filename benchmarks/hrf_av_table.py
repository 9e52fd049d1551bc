"""Compare evaluated trainings of hrf_av_mtl with MT-COOL's Table 3, as Markdown.

``python benchmarks/hrf_av_table.py runs/joint runs/mt_cool …``: output folders, each with ``evaluation/per_case.csv``. The
others are tested against the first, paired by photograph. The rows of the paper are those of its Table 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from fundus_mtl.metrics import paired_tests
from fundus_mtl.metrics.av import table3

PAPER = {
    "Independent": (0.9814, 0.6999, 0.9821, 0.7492, 0.9692, 0.7698, 0.9691, 0.7831),
    "Joint": (0.9622, 0.3537, 0.9661, 0.5171, 0.9664, 0.7360, 0.9691, 0.7835),
    "CAGrad": (0.9687, 0.4754, 0.9696, 0.5520, 0.9668, 0.7364, 0.9690, 0.7790),
    "GradDrop": (0.9708, 0.5127, 0.9716, 0.5736, 0.9666, 0.7343, 0.9686, 0.7742),
    "MGDA": (0.9636, 0.2343, 0.9632, 0.5315, 0.9660, 0.7263, 0.9691, 0.7793),
    "PCGrad": (0.9671, 0.4262, 0.9681, 0.5387, 0.9667, 0.7357, 0.9687, 0.7763),
    "MT-COOL": (0.9801, 0.6671, 0.9811, 0.7135, 0.9674, 0.7424, 0.9701, 0.7912),
}
TESTED = {"F1 (A)": "f1_artery_frame", "F1 (V)": "f1_vein_frame", "F1": "f1_vessel_frame"}


def cases(folders: list[Path]) -> pd.DataFrame:
    """Return one row per folder and photograph, with the name of the folder as method."""
    tables = [pd.read_csv(folder / "evaluation" / "per_case.csv").assign(method=folder.name) for folder in folders]
    return pd.concat(tables, ignore_index=True)


def results(per_case: pd.DataFrame) -> str:
    """Return our rows and those of the paper as one Markdown table; the best F1 of ours is bold."""
    ours = table3(per_case, by="method")
    best = ours.drop(index="all background").idxmax()
    columns = list(ours.columns)
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "--:|" * len(columns)]
    for name, row in ours.iterrows():
        cells = [f"**{row[c]:.4f}**" if c.startswith("F1") and best[c] == name else f"{row[c]:.4f}" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        f"| *paper:* {name} | " + " | ".join(f"{value:.4f}" for value in row) + " |" for name, row in PAPER.items()
    ]
    return "\n".join(lines)


def differences(per_case: pd.DataFrame, reference: str) -> str:
    """Return each method's mean difference from the reference over the photographs, and Holm-corrected p-values."""
    lines = ["| F1 (frame) | method | difference | n | paired t | Wilcoxon |", "|---|---|--:|--:|--:|--:|"]
    for title, column in TESTED.items():
        wide = per_case.pivot_table(index="id", columns="method", values=column)
        for name, test in paired_tests(wide, reference).iterrows():
            numbers = f"{test.mean_difference:+.4f} | {test.n} | {test.t_p_holm:.2g} | {test.wilcoxon_p_holm:.2g}"
            lines.append(f"| {title} | {name} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    per_case = cases(given.folders)
    print(results(per_case))
    if len(given.folders) > 1:
        print(f"\nAgainst {given.folders[0].name}, over photographs, p-values corrected by Holm within a column:\n")
        print(differences(per_case, given.folders[0].name))


if __name__ == "__main__":
    main()
