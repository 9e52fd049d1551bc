"""From trainings to the table of a paper, in four languages."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from fundus_mtl.figures import (
    comparison_csv,
    comparison_html,
    comparison_latex,
    comparison_markdown,
    comparison_table,
)
from fundus_mtl.metrics import delta_mtl, paired_tests

METRICS = {"dice": "higher", "mae": "lower"}
TASKS = {"disc": ["dice"], "fovea": ["mae"]}
NASTY = '=1+1 <b> & "x" | a_b 50% {$#} ~^\\ *[16]*\n`ΔT`'


def trainings():
    """Three folds: joint's dice 0.7 0.8 0.9, mae 4 5 6; ours is better at both; single-task, a network for each task."""
    rows = []
    for fold in range(3):
        dice, mae = 0.7 + 0.1 * fold, 4.0 + fold
        shared = {"fold": fold, "seed": 0, "step_seconds": 0.2}
        rows += [
            {**shared, "method": "joint", "dice": dice, "mae": mae, "parameters": 100},
            {**shared, "method": "ours", "dice": dice + 0.05 + 0.01 * fold, "mae": mae - 1 - 0.5 * fold**2}
            | {"parameters": 150, "step_seconds": 0.3 + 0.1 * fold},
            {**shared, "method": "apart", "dice": dice - 0.02, "parameters": 90},
            {**shared, "method": "apart", "mae": mae + 0.5 * fold, "parameters": 80},
        ]
    return pd.DataFrame(rows)


def table_of(frame=None, **settings):
    settings = {"tasks": TASKS, "single_task": "apart"} | settings
    return comparison_table(trainings() if frame is None else frame, METRICS, **settings)


def part(table, name):
    return table.xs(name, axis=1, level="name").droplevel("kind", axis=1)


def test_by_hand():
    table = table_of()
    assert table.index.tolist() == ["joint", "ours", "apart"]
    joint = table.loc["joint"]
    assert joint["higher", "dice", "mean"] == pytest.approx(0.8)
    assert joint["higher", "dice", "std"] == pytest.approx(0.1)  # ddof 0 would give 0.082
    assert joint["lower", "mae", "mean"] == 5
    assert table["higher", "dice", "n"].tolist() == table["lower", "mae", "n"].tolist() == [3, 3, 3]
    assert table["higher", "dice", "best"].tolist() == table["lower", "mae", "best"].tolist() == [False, True, False]
    assert table["ratio", "parameters / joint", "value"].tolist() == pytest.approx([1, 1.5, 1.7])
    assert table["ratio", "step time / joint", "value"].tolist() == pytest.approx([1, 2, 2])
    assert table["cost", "parameters", "mean"].tolist() == [100, 150, 170]
    assert table["delta", "disc", "percent"].tolist() == pytest.approx([100 * 0.02 / 0.78, 100 * 0.08 / 0.78, 0])
    assert table["delta", "fovea", "percent"].tolist() == pytest.approx(
        [100 * 0.5 / 5.5, 100 * (5.5 - 19 / 6) / 5.5, 0]
    )
    assert table["note", "", "text"].tolist() == ["", "", ""]


def test_against_the_functions_and_scipy():
    table, frame = table_of(), trainings()
    wide = {name: frame[frame["method"] == name].groupby("fold")[["dice", "mae"]].first() for name in table.index}
    for kind, metric in ("higher", "dice"), ("lower", "mae"):
        tests = paired_tests(pd.DataFrame({name: wide[name][metric] for name in wide}), "ours", kind == "lower")
        for column in tests:
            expected = tests[column].tolist()
            assert table.loc[["joint", "apart"], (kind, metric, f"test_{column}")].tolist() == pytest.approx(expected)
        raw = scipy.stats.ttest_rel(wide["joint"][metric], wide["ours"][metric]).pvalue
        assert table.loc["joint", (kind, metric, "test_t_p")] == pytest.approx(raw)
        assert table.loc["joint", (kind, metric, "test_mean_difference")] < 0
        assert isnan(table.loc["ours", (kind, metric, "test_t_p_holm")])
        assert table.loc["ours", (kind, metric, "test_n")] == 0
    values = {name: {"disc": {"dice": v["dice"].mean()}, "fovea": {"mae": v["mae"].mean()}} for name, v in wide.items()}
    for name in table.index:
        expected = delta_mtl(values[name], values["apart"], ["mae"]).mean
        assert table.loc[name, ("delta_mtl", "apart", "percent")] == pytest.approx(expected)


def test_order_of_rows_and_names_do_not_matter():
    frame = trainings()
    shuffled = frame.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(table_of(shuffled).loc[["joint", "ours", "apart"]], table_of(frame), rtol=1e-12)
    renamed = frame.replace({"method": {"joint": "b", "ours": "joint", "apart": "a"}})
    table = table_of(renamed, baseline="b", single_task="a")
    pd.testing.assert_frame_equal(part(table, "mae").set_axis(table_of().index), part(table_of(), "mae"))


def test_missing_trainings_are_counted_and_pairs_kept():
    frame = trainings()
    frame.loc[(frame["method"] == "ours") & (frame["fold"] == 2), "dice"] = inf  # diverged
    frame = frame[~((frame["method"] == "apart") & (frame["fold"] == 1) & frame["mae"].notna())]
    table = table_of(frame)
    assert table["higher", "dice", "n"].tolist() == [3, 2, 3]
    assert table["lower", "mae", "n"].tolist() == [3, 3, 2]
    assert table.loc["ours", ("higher", "dice", "mean")] == pytest.approx((0.75 + 0.86) / 2)
    assert table.loc["apart", ("cost", "parameters", "mean")] == 170  # fold 1 has one of two networks: not counted
    best = table["higher", "dice", "best"]
    assert best.tolist() == [False, True, False]
    assert table.loc["joint", ("higher", "dice", "test_n")] == 2
    assert table.loc["joint", ("higher", "dice", "test_reason")] == "2 of 3 pairs have both"
    text = comparison_markdown(table)
    assert "(n = 2)" in text
    assert "(n = 3)" not in text
    assert "- dice (joint, apart): 2 of 3 pairs have both" in text


def test_a_network_of_unknown_size_makes_no_training_smaller():
    frame = trainings()
    frame.loc[(frame["method"] == "apart") & (frame["fold"] == 0) & frame["mae"].notna(), "parameters"] = nan
    assert table_of(frame).loc["apart", ("cost", "parameters", "mean")] == 170


def test_nothing_known_is_told():
    frame = trainings()
    frame.loc[frame["method"] == "ours", ["dice", "mae"]] = nan
    frame.loc[frame["method"] == "apart", "mae"] = nan
    table = table_of(frame)
    assert table.loc["ours", ("higher", "dice", "n")] == 0
    assert isnan(table.loc["ours", ("delta_mtl", "apart", "percent")])
    assert table.loc["joint", ("delta", "disc", "percent")] == pytest.approx(100 * 0.02 / 0.78)
    assert table.loc["joint", ("note", "", "text")] == "ΔT fovea against apart: the baseline's mae is not known"
    assert "parameters of ours is not known; step time of ours is not known" in table.loc["ours", ("note", "", "text")]
    frame["mae"] = nan
    nowhere = part(table_of(frame), "mae")
    assert nowhere["mean"].isna().all()
    assert not nowhere["best"].any()
    assert set(nowhere["test_reason"]) == {"no training has it"}
    for write in comparison_markdown, comparison_latex, comparison_html, comparison_csv:
        assert "nan" not in write(table_of(frame)).replace("nan)", "")


def test_without_baseline_costs_and_single_task():
    frame = trainings()
    table = table_of(frame, baseline="vanilla", single_task="stl")
    assert table["ratio", "parameters / vanilla", "value"].isna().all()
    assert table["delta_mtl", "stl", "percent"].isna().all()
    assert "parameters of vanilla is not known" in table.loc["joint", ("note", "", "text")]
    bare = comparison_table(frame.drop(columns=["parameters", "step_seconds"]), METRICS, tasks=TASKS)
    assert set(bare.columns.get_level_values("kind")) == {"higher", "lower", "note"}
    assert set(bare["note", "", "text"]) == {""}


def test_one_training_each_and_unnumbered_folds():
    frame = trainings().query("fold == 1").assign(fold=nan)
    table = table_of(frame)
    assert table["higher", "dice", "std"].isna().all()
    assert set(table.loc[["joint", "apart"], ("higher", "dice", "test_reason")]) == {"a test needs two pairs"}
    text = comparison_markdown(table)
    assert "**0.860**" in text
    assert "±" not in text.split("\n\n")[0]


def test_tests_against_a_chosen_method():
    """p-values are those against joint in every metric, though it is the best in none."""
    frame = trainings().query("method != 'apart'")
    against_best = comparison_table(frame, METRICS)
    table = comparison_table(frame, METRICS, test_against="joint")
    for metric, better in METRICS.items():
        assert isnan(table.loc["joint", (better, metric, "test_t_p")])
        assert table.loc["ours", (better, metric, "test_t_p")] == pytest.approx(
            against_best.loc["joint", (better, metric, "test_t_p")]
        )
        difference = table.loc["ours", (better, metric, "test_mean_difference")]
        means = table[better, metric, "mean"]
        gain = means["ours"] - means["joint"] if better == "higher" else means["joint"] - means["ours"]
        assert difference == pytest.approx(gain)
    text = comparison_markdown(table)
    assert "p against joint, Holm-corrected: paired t / Wilcoxon:" in text
    assert "| reference |" in text.replace("  ", "")
    assert "p against the best of each metric" in comparison_markdown(against_best)
    assert "p against joint" in comparison_html(table)
    assert "p against joint" in comparison_latex(table)
    with pytest.raises(ValueError, match="test_against: expected one of joint, ours, but got apart"):
        comparison_table(frame, METRICS, test_against="apart")


def test_every_cost_is_a_ratio():
    frame = trainings().assign(training_seconds=lambda rows: 10 * rows["step_seconds"], processor_seconds=3.0)
    table = table_of(frame)
    ratios = table["ratio"].droplevel("statistic", axis=1)
    pd.testing.assert_series_equal(ratios["training time / joint"], ratios["step time / joint"], check_names=False)
    assert ratios.loc["ours", "processor time / joint"] == 1


def test_ties_are_all_best():
    frame = trainings().query("method != 'apart'")
    frame.loc[frame["method"] == "ours", "mae"] = frame.loc[frame["method"] == "joint", "mae"].to_numpy()
    table = comparison_table(frame, METRICS)
    assert table["lower", "mae", "best"].tolist() == [True, True]
    assert table.loc["ours", ("lower", "mae", "test_reason")] == "3 of 3 differences are 0"
    assert comparison_markdown(table).count("**5.000 ± 1.000**") == 2


def test_the_input_is_left_alone():
    frame = trainings()
    table_of(frame)
    pd.testing.assert_frame_equal(frame, trainings())


def test_bad_arguments():
    frame = trainings()
    with pytest.raises(ValueError, match="trainings: expected one row per training, but got no column seed, dice"):
        table_of(frame.drop(columns=["seed", "dice"]))
    with pytest.raises(ValueError, match="metrics: expected 'higher' or 'lower' for each, but got {'mae': 'down'}"):
        comparison_table(frame, {"dice": "higher", "mae": "down"})
    with pytest.raises(ValueError, match=r"tasks: expected names among the metrics .*, but got \['auc'\]"):
        table_of(tasks={"glaucoma": ["auc"]})
    with pytest.raises(ValueError, match=r"expected one value per method, .* several of \[\('joint', '\(0, 0\)'\)\]"):
        table_of(pd.concat([frame, frame[:1]]))
    with pytest.raises(ValueError, match=r"expected a method in each row, but got \[\]"):
        table_of(frame[:0])
    with pytest.raises(ValueError, match=r"expected a method in each row, but got"):
        table_of(frame.assign(method=None))


def test_markdown():
    """Means 0.80 and 0.86, spreads 0.10 and 0.11; p of the differences .05 .06 .07: t = 0.06 / (0.01 / √3) on 2 df."""
    frame = trainings().query("method != 'apart'")
    lines = comparison_markdown(comparison_table(frame, METRICS), decimals=2).split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["method", "dice ↑", "mae ↓", "parameters / joint", "step time / joint"]
    assert rows[2] == ["joint", "0.80 ± 0.10", "5.00 ± 1.00", "1.00", "1.00"]
    assert rows[3] == ["ours", "**0.86 ± 0.11**", "**3.17 ± 0.29**", "1.50", "2.00"]
    assert len({len(line) for line in lines[:4]}) == 1
    p = 2 * scipy.stats.t.sf(0.06 / (0.01 / np.sqrt(3)), 2)
    assert rows[6][:2] == ["joint", f"{p:.3f} / 0.250"]
    assert rows[7] == ["ours", "best", "best"]
    assert "- with 3 pairs Wilcoxon's p cannot fall below 0.25, even before correction" in lines


def test_changes_have_a_sign_and_tiny_p_values_are_not_zero():
    frame = trainings()
    text = comparison_markdown(table_of(frame))
    assert "+2.6" in text
    assert "+0.0" in text
    frame.loc[frame["method"] == "ours", "dice"] = [50.7, 50.8001, 50.9]
    assert "&lt;0.001 / 0.500" in comparison_markdown(table_of(frame))


def test_csv_is_unrounded_and_runs_no_formula():
    frame = trainings().replace({"method": {"ours": NASTY}}).rename(columns={"mae": "@mae"})
    table = comparison_table(frame, {"dice": "higher", "@mae": "lower"})
    lines = list(csv.reader(io.StringIO(comparison_csv(table))))
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[0][:2] == ["method", "higher dice mean"]
    assert lines[2][0] == "'" + " ".join(NASTY.split())
    assert float(lines[1][1]) == table.loc["joint", ("higher", "dice", "mean")]
    assert lines[2][lines[0].index("higher dice test_t_p")] == ""
    assert float(lines[1][lines[0].index("higher dice test_mean_difference")]) < 0  # a number, no apostrophe
    assert not [text for line in lines for text in line if text.startswith(("=", "@", "+"))]


class Cells(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_escaped_and_never_cut():
    name = NASTY + "y" * 80
    parsed = Cells(comparison_html(table_of(trainings().replace({"method": {"ours": name}}))))
    assert " ".join(name.split()) in parsed.texts
    assert set(parsed.tags) == {
        "section",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "p",
        "ul",
        "li",
    }
    assert parsed.tags.count("strong") == 2
    assert parsed.texts.count("method") == 2
    assert "..." not in comparison_html(table_of(), decimals=20)


def test_markdown_is_escaped():
    text = comparison_markdown(table_of(trainings().replace({"method": {"ours": NASTY}})))
    assert "=1+1 &lt;b&gt; &amp;" in text
    assert r"\| a_b" in text
    assert r"\\ \*\[16\]\* \`ΔT\`" in text


def test_latex():
    text = comparison_latex(table_of(trainings().replace({"method": {"ours": NASTY}})))
    assert text.count("\\toprule") == text.count("\\midrule") == text.count("\\bottomrule") == 2
    assert "\\begin{tabular}{lrrrrrrr}" in text
    assert r"\textbf{0.860 $\pm$ 0.110}" in text
    nasty = r"=1+1 \textless{}b\textgreater{} \& \"x\" \textbar{} a\_b 50\% \{\$\#\} \textasciitilde{}".replace(
        r"\"", '"'
    )
    assert nasty + r"\textasciicircum{}\textbackslash{} {*}{[}16{]}{*} `$\Delta$T` &" in text
    assert "mae $\\downarrow$" in text
    assert text.isascii()
    rows = [line for line in text.splitlines() if line.endswith("\\\\")]
    assert {line.replace("\\&", "").count("&") for line in rows} == {7, 2}
