"""The digits: what their labels are to training and evaluation, with and without MNIST."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import pytest
import torch

from data_prep._idx import read_digits
from fundus_mtl.data import ArraySet, Digits, digit_set
from tests.bundles.conftest import BUNDLES, run, workflow

MNIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
MULTI = BUNDLES / "digits_mtl" / "configs" / "overlays" / "multi.yaml"
JOINT = BUNDLES / "methods" / "joint.yaml"
TINY = {"max_epochs": 1, "batch_size": 4, "tracking_uri": None}
EMBEDDED = TINY | {"dataset_dir": None, "hidden": 10, "batch_size": 64}


def train(out, *overlays, **more):
    return run("digits_mtl", "train", *overlays, **TINY | {"output_dir": str(out)} | more)


def test_no_data_at_all(tmp_path, caplog):
    """The log and the table state that scikit-learn's digits are not MNIST."""
    with caplog.at_level(logging.WARNING, logger="fundus_mtl"):
        made = train(tmp_path, **EMBEDDED | {"max_epochs": 8})
    assert "Not MNIST" in caplog.text
    assert "Not MNIST" in made.parser.get_parsed_content("note")
    watched = made.parser.get_parsed_content("validate::evaluator").state.metrics
    assert min(watched["val/acc_even"], watched["val/acc_odd"]) > 0.8
    given = {"dataset_dir": None, "hidden": 10, "output_dir": str(tmp_path), "tracking_uri": None}
    evaluation = run("digits_mtl", "evaluate", **given)
    metrics = evaluation.parser.get_parsed_content("case_table").metrics
    assert set(metrics) == {"test/acc_even_percent", "test/acc_odd_percent"}
    assert min(metrics.values()) > 80
    summary = (tmp_path / "evaluation" / "summary.md").read_text()
    assert summary.startswith("Not MNIST")
    assert "acc_even_percent" in summary
    with (tmp_path / "evaluation" / "per_case.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    assert all((row["even_true"] == "") != (row["odd_true"] == "") for row in rows)
    counted = [float(row["even_correct"]) for row in rows if row["even_correct"]]
    assert 100 * sum(counted) / len(counted) == pytest.approx(metrics["test/acc_even_percent"])


def test_weights_of_the_other_network_are_explained(tmp_path, digits_data, capsys):
    """MT-COOL's network has shares; an evaluation without that option fails with advice."""
    data = {"dataset_dir": str(digits_data)}
    train(tmp_path, BUNDLES / "methods" / "mt_cool.yaml", **data)
    given = data | {"output_dir": str(tmp_path), "tracking_uri": None}
    with pytest.raises(SystemExit) as stopped:
        run("digits_mtl", "evaluate", **given)
    assert "expected weights of this LeNet, but got those of another network" in str(stopped.value)
    assert "network_module" in str(stopped.value)
    run("digits_mtl", "evaluate", network_module="@network_split", **given)


def test_multi_mnist_has_both_labels(tmp_path):
    made = train(tmp_path, MULTI, **EMBEDDED | {"balanced": True})
    trainer = made.parser.get_parsed_content("train::trainer")
    batch = next(iter(trainer.data_loader))
    assert batch["left_present"].all()
    assert batch["right_present"].all()
    assert batch["left"].shape == batch["right"].shape == (64, 10)
    assert set(made.parser.get_parsed_content("validate::evaluator").state.metrics) == {
        "val/score", "val/loss_left", "val/loss_right", "val/acc_left", "val/acc_right",
    }  # fmt: skip


@pytest.mark.parametrize("balanced", [False, True])
def test_a_batch_mixes_even_and_odd_digits(balanced, tmp_path):
    made = workflow("digits_mtl", "train", **EMBEDDED, output_dir=str(tmp_path), balanced=balanced)
    made.initialize()
    loader = made.parser.get_parsed_content("train::dataloader")
    halves = [int(batch["even_present"].sum()) for batch in loader]
    assert all((batch["even_present"] != batch["odd_present"]).all() for batch in loader)
    assert all(8 < half < 56 for half in halves)
    assert (set(halves) == {32}) == balanced


def test_the_loss_of_a_task_is_that_of_its_own_digits(digits_data, tmp_path):
    """An oracle with class numbers instead of one-hot rows, on the first batch before any step."""
    made = workflow("digits_mtl", "train", **TINY, dataset_dir=str(digits_data), output_dir=str(tmp_path))
    made.initialize()
    get = made.parser.get_parsed_content
    samples, network = get("train::dataset"), get("network")
    batch = samples.__getitems__(range(16))
    image, targets = get("prepare_batch")(batch, torch.device("cpu"))
    losses = get("loss_function")(network(image), *targets)
    assert 0 <= float(image.min()) < float(image.max()) == 1.0
    for task in ("even", "odd"):
        rows = torch.as_tensor(samples.data[f"{task}_present"]).nonzero()[:, 0]
        classes = torch.as_tensor(samples.data[task]).long()[rows]
        expected = torch.nn.functional.cross_entropy(network(image[rows])[task], classes)
        torch.testing.assert_close(losses[task], expected)


def test_single_task_training_sees_its_own_digits_only(digits_data, tmp_path):
    made = train(tmp_path, dataset_dir=str(digits_data), task_names=["odd"])
    assert len(made.parser.get_parsed_content("train::dataset")) == 8
    metrics = made.parser.get_parsed_content("validate::evaluator").state.metrics
    assert metrics["val/score"] == pytest.approx(-metrics["val/loss_odd"])


def test_sections_can_be_joined(tmp_path):
    made = workflow(
        "digits_mtl", "train", **EMBEDDED, output_dir=str(tmp_path),
        training_sections=["training", "validation"], validation_sections=["testing"],
    )  # fmt: skip
    made.initialize()
    assert len(made.parser.get_parsed_content("train::dataset")) == 1397
    assert len(made.parser.get_parsed_content("validate::dataset")) == 400


@pytest.mark.parametrize("balanced", [False, True])
def test_resume_is_bit_exact(balanced, digits_data, tmp_path):
    recipe = {"dataset_dir": str(digits_data), "balanced": balanced, "momentum": 0.9}
    train(tmp_path / "straight", JOINT, **recipe, max_epochs=3)
    train(tmp_path / "parts", JOINT, **recipe, max_epochs=2)
    train(tmp_path / "parts", JOINT, **recipe, max_epochs=3, resume_from="latest")
    straight, parts = (
        torch.load(tmp_path / name / "state" / "state_checkpoint_epoch=3.pt", weights_only=True)
        for name in ("straight", "parts")
    )
    for key, value in straight["network"].items():
        assert torch.equal(value, parts["network"][key]), key
    for key, value in straight["optimizer"]["state"].items():
        assert torch.equal(value["momentum_buffer"], parts["optimizer"]["state"][key]["momentum_buffer"])
    assert straight["evaluator"]["best_metric"] == parts["evaluator"]["best_metric"]


def test_the_network_of_shares_has_as_many_parameters(tmp_path):
    made = workflow("digits_mtl", "train", **EMBEDDED, output_dir=str(tmp_path))
    counts = [
        sum(p.numel() for p in made.parser.get_parsed_content(name).parameters())
        for name in ("network_def", "network_split")
    ]
    assert counts[0] == counts[1] > 0


def test_a_folder_without_digits_is_the_last_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        train(tmp_path, dataset_dir=str(tmp_path / "nowhere"))
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "even_odd.npz: expected this file in" in last
    assert "create it with `fundus-mtl prepare`" in last


def test_the_run_tells_what_the_digits_are(digits_data, tmp_path):
    """In MLflow: the note, the digest of the data, and the table of the evaluation."""
    import mlflow
    from monai.utils import path_to_sqlite_uri

    uri = path_to_sqlite_uri(str(tmp_path / "mlflow.db"))
    given = {"dataset_dir": str(digits_data), "output_dir": str(tmp_path / "out"), "tracking_uri": uri}
    train(tmp_path / "out", **given)
    run("digits_mtl", "evaluate", **given)
    noted = json.loads((tmp_path / "out" / "mlflow_run.json").read_text())
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_run(noted["run_id"])
    assert found.info.status == "FINISHED"
    assert "Not MNIST" in found.data.tags["mlflow.note.content"]
    assert found.data.tags["data_sha256"] == ArraySet.load(digits_data / "even_odd.npz").digest
    assert {"val/acc_even", "val/acc_odd", "test/acc_even_percent", "train/loss_odd"} <= set(found.data.metrics)
    assert "evaluation/summary.md" in {file.path for file in client.list_artifacts(noted["run_id"], "evaluation")}


@pytest.mark.skipif(not MNIST.is_dir(), reason="../shared/data/mnist is not here: no training on the real MNIST")
def test_the_real_mnist_trains(tmp_path):
    """A few hundred of its images: trained on, better than chance on others."""
    sections = {}
    for name, part, rows in ("training", "train", 700), ("validation", "t10k", 300):
        whole, published = read_digits(MNIST, part)
        assert published
        sections[name] = Digits(*(column[:rows] for column in whole))
    digit_set("even_odd", {"name": "MNIST", "note": None}, sections).save(tmp_path / "data" / "even_odd.npz")
    made = train(tmp_path / "out", dataset_dir=str(tmp_path / "data"), max_epochs=8, batch_size=32)
    assert made.parser.get_parsed_content("note") is None
    metrics = made.parser.get_parsed_content("validate::evaluator").state.metrics
    assert min(metrics["val/acc_even"], metrics["val/acc_odd"]) > 0.6
