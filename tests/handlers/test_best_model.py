"""The best weights are kept, also across a resume and when the key metric is NaN."""

from __future__ import annotations

import json
import logging
import math

import numpy as np
import pytest
import torch

from fundus_mtl.handlers import BestModelSaver, keep_best_metric


@pytest.fixture
def train(make_engines, tmp_path):
    """Train one epoch per metric; return the engines and the weights that `model.pt` held after each epoch."""

    def run(metrics, resume_from=None, state=None, handlers=()):
        trainer, evaluator = make_engines([], metrics=metrics, epochs=len(metrics))
        saver = BestModelSaver(trainer.network, tmp_path / "models" / "model.pt")
        saver.attach(evaluator)
        keep_best_metric(evaluator)
        if resume_from is not None:
            trainer.load_state_dict({"epoch_length": 4, "max_epochs": len(metrics), "iteration": 4 * resume_from})
            evaluator.load_state_dict(state)
        seen = []
        path = tmp_path / "models" / "model.pt"

        @trainer.on("EPOCH_COMPLETED")
        def look(engine):
            now = {k: v.clone() for k, v in engine.network.state_dict().items()}
            saved = torch.load(path, weights_only=True) if path.exists() else {"weight": torch.zeros(())}
            seen.append(torch.equal(saved["weight"], now["weight"]))

        trainer.run()
        return trainer, evaluator, seen

    return run


def test_only_a_better_metric_saves(train, tmp_path):
    _, evaluator, saved = train((0.5, 0.7, 0.6, 0.7, 0.8))
    assert saved == [True, True, False, False, True]
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.8, 5)
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["model.pt"]  # nothing half written is left


def test_a_resume_does_not_overwrite_the_better_model(train):
    _, evaluator, _ = train((0.5, 0.9))
    state = evaluator.state_dict()
    _, evaluator, saved = train((0.5, 0.9, 0.6, 0.95), resume_from=2, state=state)
    assert saved == [False, True]
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (0.95, 4)


def test_without_it_monai_forgets(make_engines):
    """The fault that keep_best_metric mends; when this fails, MONAI has mended it."""
    _, evaluator = make_engines([])
    assert "best_metric" not in evaluator.state_dict()


def test_nan_saves_the_last_until_there_is_a_number(train, caplog):
    _, evaluator, saved = train((math.nan, math.nan, 0.1, math.nan, 0.05, 0.2))
    assert saved == [True, True, True, False, False, True]
    assert evaluator.state.best_metric_epoch == 6
    assert caplog.text.count("val/dice was never a number: the latest weights are saved.") == 2


def test_nan_and_resume(train):
    _, evaluator, _ = train((math.nan,))
    _, evaluator, saved = train((math.nan, -3.0, -4.0), resume_from=1, state=evaluator.state_dict())
    assert saved == [True, False]


def test_a_metric_that_is_no_number_saves_the_last(train):
    with pytest.warns(UserWarning, match="not a scalar"):
        _, _, saved = train((torch.tensor([0.1, 0.2]), torch.tensor([0.1, 0.2])))
    assert saved == [True, True]


def test_state_is_plain_numbers(train, tmp_path):
    _, evaluator, _ = train((np.float64(0.5), torch.tensor(0.75)))
    torch.save(evaluator.state_dict(), tmp_path / "state.pt")
    known = torch.load(tmp_path / "state.pt", weights_only=True)
    assert (known["best_metric"], known["best_metric_epoch"]) == (0.75, 2)
    assert type(known["best_metric"]) is float


def test_keep_best_metric_may_be_called_twice(make_engines):
    _, evaluator = make_engines([])
    assert keep_best_metric(keep_best_metric(evaluator)) is evaluator
    assert list(evaluator.state_dict_user_keys) == ["best_metric", "best_metric_epoch"]


def test_no_key_metric_is_refused(make_engines, tmp_path):
    trainer, evaluator = make_engines([])
    evaluator.state.key_metric_name = None
    with pytest.raises(ValueError, match="expected an evaluator with a key metric, but got none"):
        BestModelSaver(trainer.network, tmp_path / "model.pt").attach(evaluator)


def test_only_the_first_process_writes(make_engines, tmp_path):
    trainer, evaluator = make_engines([])
    evaluator.state.rank = 1
    BestModelSaver(trainer.network, tmp_path / "model.pt").attach(evaluator)
    trainer.run()
    assert not (tmp_path / "model.pt").exists()


def test_a_failed_write_leaves_the_old_model(make_engines, tmp_path, monkeypatch):
    trainer, _ = make_engines([])
    saver = BestModelSaver(trainer.network, tmp_path / "model.pt")
    saver.save()
    before = (tmp_path / "model.pt").read_bytes()

    def disk_full(state, path):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("torch.save", disk_full)
    with pytest.raises(OSError, match="no space"):
        saver.save()
    assert (tmp_path / "model.pt").read_bytes() == before


def test_half_precision_is_for_parameters_only(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    network[1].running_var.fill_(1 / 3)
    BestModelSaver(network, tmp_path / "model.pt", half=True).save()
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    for name, value in network.named_parameters():
        assert saved[name].dtype == torch.float16
        torch.testing.assert_close(saved[name].float(), value.detach(), rtol=1e-3, atol=1e-6)
    assert torch.equal(saved["1.running_var"], network[1].running_var)
    with torch.no_grad():
        network[0].weight[0, 0] = 7e4
    with pytest.raises(ValueError, match=r"0.weight: expected values up to 65504, but got larger ones"):
        BestModelSaver(network, tmp_path / "model.pt", half=True).save()


class Run:
    """What a run would log."""

    def __init__(self):
        self.kept = []

    def keep(self, values, step):
        self.kept.append((step, dict(values)))


@pytest.fixture
def record(make_engines, tmp_path, caplog):
    """Train one epoch per metric; return ``kept`` of recipe.json, what the run got, and the last line of the log."""

    def run(metrics, rule="metrics"):
        trainer, evaluator = make_engines([], metrics=metrics, epochs=len(metrics))
        logged = Run()
        saver = BestModelSaver(trainer.network, tmp_path / "model.pt", recipe="{}", rule=rule, run=logged)
        saver.attach(evaluator)
        saver.attach(trainer)
        with caplog.at_level(logging.INFO, logger="fundus_mtl"):
            trainer.run()
        line = [entry.getMessage() for entry in caplog.records if entry.name.startswith("fundus_mtl")][-1]
        return json.loads((tmp_path / "recipe.json").read_text())["kept"], logged.kept, line

    return run


def test_the_kept_epoch_is_recorded(record):
    kept, logged, line = record((0.5, 0.7, 0.6))
    assert kept == {"epoch": 2, "rule": "metrics", "val_dice": 0.7}
    assert logged == [
        (1, {"kept/epoch": 1, "kept/dice": 0.5}),
        (2, {"kept/epoch": 2, "kept/dice": 0.7}),
    ]
    assert line == "model.pt has the weights of epoch 2 of 3: val/dice 0.7000, selection by metrics."


def test_of_equal_epochs_the_first_is_recorded(record):
    kept, _, line = record((0.5, 0.7, 0.7), rule=None)
    assert kept == {"epoch": 2, "rule": None, "val_dice": 0.7}
    assert line == "model.pt has the weights of epoch 2 of 3: val/dice 0.7000."


def test_an_unknown_value_is_recorded_as_unknown(record):
    """JSON has no NaN; the latest weights are those that were saved."""
    kept, logged, line = record((math.nan, math.nan))
    assert kept == {"epoch": 2, "rule": "metrics", "val_dice": None}
    assert [step for step, _ in logged] == [1, 2]
    assert line == "model.pt has the weights of epoch 2 of 2: val/dice nan, selection by metrics."


def test_a_training_without_validation_reports_nothing(make_engines, tmp_path, caplog):
    trainer, evaluator = make_engines([])
    evaluator.run = lambda *_: None
    saver = BestModelSaver(trainer.network, tmp_path / "model.pt")
    saver.attach(evaluator)
    saver.attach(trainer)
    with caplog.at_level(logging.INFO, logger="fundus_mtl"):
        trainer.run()
    assert "has the weights" not in caplog.text
