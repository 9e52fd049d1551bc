"""What the published table and figure rest on: settings, jobs that are kept, statistics, the cut of a network in shares."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from scipy.stats import t as student

from fundus_mtl.networks import LeNet, SplitLeNet
from fundus_mtl.tasks import Task

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import _digit_jobs as jobs  # noqa: E402  # scripts, not a package
import mt_cool_flatness as flatness  # noqa: E402
import mt_cool_table1 as table1  # noqa: E402
from _table1_rows import ROWS, TASKS  # noqa: E402

OPTIONS = Namespace(data=None, digest="d", name="made up", seeds=3, epochs=1, tune_epochs=1, out="out", jobs=1)


def job(**changes):
    given = {"tasks": TASKS, "seed": 0, "section": "testing", "epochs": 1, "data": None, "digest": "d"}
    return jobs.Job.of("joint", {"lr": 0.1}, **given | changes)


def test_every_row_has_five_settings():
    for row in ROWS.values():
        rates = row.rates()
        changed = row.changed(rates[1])
        assert len(rates) == 2
        assert changed[0] == rates[1]
        assert len({json.dumps(s, sort_keys=True) for s in [*rates, *changed]}) == 5


def test_a_name_tells_apart_what_differs():
    one = job()
    others = [job(digest="e"), job(seed=1), job(tasks=("even",)), job(section="validation"), job(epochs=2)]
    others.append(
        jobs.Job.of("joint", {"lr": 0.2}, tasks=TASKS, seed=0, section="testing", epochs=1, data=None, digest="d")
    )
    assert len({one.name, *(other.name for other in others)}) == 7
    assert job(data="elsewhere").name == one.name  # the digest says which digits they are


def test_a_failure_loses_nothing_and_nothing_is_repeated(tmp_path):
    """One job asks for what the bundle refuses; the other's result stays and is not computed again."""
    good, bad = (
        job(),
        jobs.Job.of(
            "joint",
            {"learning": 1},
            **{k: getattr(job(), k) for k in ("tasks", "seed", "section", "epochs", "data", "digest")},
        ),
    )
    with pytest.raises(RuntimeError, match="1 of 2 trainings failed; joint-even-odd-testing-0-"):
        jobs.run_jobs([bad, good], tmp_path, 1)
    kept = jobs.result_file(good, tmp_path)
    assert set(json.loads(kept.read_text())) >= {
        "accuracy",
        "course",
        "parameters",
        "wall_seconds",
        "processor_seconds",
    }
    kept.write_text('{"accuracy": "kept"}')
    assert jobs.run_jobs([good], tmp_path, 1) == {good: {"accuracy": "kept"}}


def results(values):
    """Made-up results by row: accuracies ``(even, odd)`` by seed."""
    made = {}
    for row, pairs in values.items():
        made[row] = {
            job(seed=seed): {
                "accuracy": dict(zip(TASKS, pair, strict=True)),
                "parameters": 10,
                "wall_seconds": 2.0,
                "processor_seconds": 1.0,
            }
            for seed, pair in enumerate(pairs)
        }
    return made


def test_the_table_by_hand():
    """Differences to Joint of 1, 2 and 3: mean 2, standard deviation 1, t = 2 sqrt(3) with two degrees of freedom."""
    made = results({"Joint": [(90, 80), (91, 81), (92, 82)], "PCGrad": [(91, 80), (93, 81), (95, 83)]})
    lines = table1.table(made, {"Joint": {"lr": 0.1}, "PCGrad": {"lr": 0.2}}).splitlines()
    cells = [cell.strip() for cell in lines[3].strip("|").split("|")]
    p = 2 * student.sf(2 * 3**0.5, 2)
    assert cells[:7] == ["PCGrad", "lr 0.2", "1.00", "1.00", "1.00", "93.00 ± 2.000", "81.33 ± 1.528"]
    assert cells[7] == f"{p:.3f} ({p:.3f})"  # one comparison: nothing to correct
    assert [cell.strip() for cell in lines[2].strip("|").split("|")][7:] == ["–", "–"]


def test_the_settings_with_the_best_mean_accuracy_are_chosen(monkeypatch):
    def told(wanted, out, workers):
        rate = {one: json.loads(one.settings)["lr"] for one in wanted}
        return {
            one: {"accuracy": {"even": 90 + rate[one], "odd": 90 - 2 * rate[one] * (rate[one] > 0.3)}} for one in wanted
        }

    monkeypatch.setattr(table1, "run_jobs", told)
    found = table1.best({"Joint": ROWS["Joint"].rates()}, OPTIONS)
    assert found == {"Joint": {"lr": 0.2}}
    assert all(one.section == "validation" for one in table1.jobs_of("Joint", {}, 0, "validation", 1, OPTIONS))


def test_the_final_jobs_are_the_seeds_on_the_test_digits():
    found = table1.final_jobs({"Joint": {"lr": 0.2}, "Independent": {"lr": 0.1}}, OPTIONS)
    assert [(one.seed, one.section) for one in found["Joint"]] == [(seed, "testing") for seed in range(3)]
    assert [one.tasks for one in found["Independent"][:2]] == [("even",), ("odd",)]
    assert json.loads(found["Independent"][0].settings)["batch_size"] == 128  # the row's own settings are chosen ones
    assert ROWS["Independent"].rates()[0]["batch_size"] == 64


def test_a_network_cut_in_shares_computes_the_same():
    torch.manual_seed(0)
    tasks = [Task(name, 5, "classification", torch.nn.CrossEntropyLoss(), "softmax") for name in TASKS]
    plain, split = LeNet(tasks), SplitLeNet(tasks)
    split.load_state_dict(flatness.shares_of(plain.state_dict(), split))
    image = torch.rand(3, 1, 28, 28)
    for name in TASKS:
        torch.testing.assert_close(split(image)[name], plain(image)[name])


def test_losses_are_those_of_the_noisy_networks_and_the_weights_come_back():
    torch.manual_seed(0)
    tasks = [Task(name, 5, "classification", torch.nn.CrossEntropyLoss(), "softmax") for name in TASKS]
    network = SplitLeNet(tasks)
    batch = {"image": torch.rand(6, 1, 28, 28)}
    for place, name in enumerate(TASKS):
        batch[name] = torch.eye(5)[torch.arange(6) % 5]
        batch[f"{name}_present"] = torch.arange(6) % 2 == place
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = flatness.losses(network, batch, [0.0, 0.5, 3.0], draws=4)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    clean = network(batch["image"])["even"][batch["even_present"]]
    expected = torch.nn.functional.cross_entropy(clean, batch["even"][batch["even_present"]].argmax(dim=1))
    assert found["even"][0] == pytest.approx(expected.item())
    assert found["even"][2] > found["even"][0]


def test_a_figure_without_a_table_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="run mt_cool_table1.py test first"):
        flatness.trained(tmp_path)
