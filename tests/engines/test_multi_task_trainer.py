"""Properties of every trainer: determinism, resume, mixed precision, MONAI's handlers."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from ignite.engine import Events
from monai.handlers import (
    CheckpointLoader,
    CheckpointSaver,
    EarlyStopHandler,
    LrScheduleHandler,
    StatsHandler,
    ValidationHandler,
    from_engine,
)
from torch.testing import assert_close

from fundus_mtl.engines import JointTrainer, MultiTaskEvaluator, PrepareMultiTaskBatch
from fundus_mtl.metrics._task_loss import NegativeLossSum, TaskLoss
from tests.engines.methods import METHODS
from tests.engines.methods import make as assemble
from tests.engines.toy import NAMES, TASKS, Branches, Forked, PlainLoss, assert_same, samples, weights

ADAM = partial(torch.optim.Adam, lr=1e-2)
each_method = pytest.mark.parametrize("method", METHODS)


def make(method, **options):
    """A trainer with dropout and shuffling, in which every source of randomness plays a part."""
    return assemble(method, Branches(dropout=0.5), ADAM, shuffle=True, **options)


def evaluator_of(network, items=None):
    from monai.data import DataLoader, Dataset

    return MultiTaskEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items or samples(4)), batch_size=2, shuffle=True),
        network=network,
        tasks=TASKS,
        loss_function=PlainLoss(TASKS),
        prepare_batch=PrepareMultiTaskBatch(TASKS),
        key_val_metric={"val/score": NegativeLossSum(TASKS)},
        additional_metrics={f"val/loss_{name}": TaskLoss(name) for name in NAMES},
    )


@each_method
def test_handlers_change_nothing(method):
    plain, watched = make(method), make(method)
    ValidationHandler(1, evaluator_of(watched.network)).attach(watched)
    watched.add_event_handler(Events.ITERATION_COMPLETED, lambda: torch.rand(7))
    watched.add_event_handler(Events.EPOCH_STARTED, lambda: torch.rand(7))
    plain.run()
    watched.run()
    assert_same(weights(plain.network), weights(watched.network))


@each_method
def test_the_seed_changes_something(method):
    one, other = make(method), make(method, seed=1)
    one.run()
    other.run()
    assert not torch.equal(one.network.shared.weight, other.network.shared.weight)


@each_method
def test_resume_is_bit_exact(method, tmp_path):
    """Four epochs at once, or two, a checkpoint through the stock handlers, and two more in new objects."""

    def assembled(epochs):
        trainer = make(method, epochs=epochs)
        evaluator = evaluator_of(trainer.network)
        evaluator.state_dict_user_keys.extend(["best_metric", "best_metric_epoch"])
        scheduler = torch.optim.lr_scheduler.ExponentialLR(trainer.optimizer, 0.5)
        ValidationHandler(1, evaluator).attach(trainer)
        LrScheduleHandler(scheduler, print_lr=False).attach(trainer)
        parts = {
            "network": trainer.network, "optimizer": trainer.optimizer, "scheduler": scheduler, "trainer": trainer,
            "evaluator": evaluator,
        }  # fmt: skip
        return trainer, parts

    straight, straight_parts = assembled(4)
    straight.run()
    first, parts = assembled(2)
    CheckpointSaver(str(tmp_path), parts, save_interval=1, n_saved=1).attach(first)
    first.run()
    (file,) = tmp_path.glob("*.pt")
    second, parts = assembled(4)
    CheckpointLoader(str(file), parts).attach(second)
    second.run()
    assert second.state.epoch == 4
    assert_same(weights(second.network), weights(straight.network))
    assert parts["scheduler"].get_last_lr() == straight_parts["scheduler"].get_last_lr()
    assert parts["evaluator"].state.best_metric == straight_parts["evaluator"].state.best_metric


@each_method
def test_amp_trains_and_its_scaler_resumes(method):
    """float32 network: autocast to float16, the one that needs a scaler; its growth counter must come back."""
    trainer = make(method, amp="float16")
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=16.0)  # the default overflows in the first steps
    trainer.network.float()
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)  # small, so that only b overflows
    trainer.prepare_batch = lambda *a, **k: _float(PrepareMultiTaskBatch(TASKS)(*a, **k))
    trainer.run()
    assert all(torch.isfinite(value).all() for value in weights(trainer.network).values())
    state = trainer.state_dict()
    assert state["scaler"]["_growth_tracker"] == 4  # two epochs of two batches, each one update
    fresh = make(method, amp="float16")
    fresh.load_state_dict(state)
    assert fresh.scaler.state_dict() == state["scaler"]


@each_method
def test_the_scalers_factor_changes_nothing(method):
    """One factor for all tasks, removed before a step or a moment; rules that are not homogeneous would reveal it."""
    plain, scaled = (assemble(method, Forked(), epochs=3) for _ in range(2))
    scaled.scaler = torch.amp.GradScaler("cpu")
    plain.run()
    scaled.run()
    assert scaled.scaler.get_scale() == 2.0**16
    for key, value in weights(plain.network).items():
        assert_close(weights(scaled.network)[key], value, rtol=1e-9, atol=1e-12)


def _float(prepared):
    image, targets = prepared
    return image.float(), targets


def test_an_overflow_skips_that_tasks_step_only():
    trainer = assemble("mtl_io", Branches(), ADAM, batch_size=6, epochs=1, amp="float16")
    trainer.network.float()
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)  # small, so that only b overflows
    trainer.prepare_batch = lambda *a, **k: _float(PrepareMultiTaskBatch(TASKS)(*a, **k))
    plain = trainer.loss_function
    trainer.loss_function = lambda logits, *t: {
        n: v * (1e38 if n == "b" else 1.0) for n, v in plain(logits, *t).items()
    }
    before = weights(trainer.network)
    trainer.run()
    assert torch.equal(trainer.network.heads["b"].weight, before["heads.b.weight"])
    assert not torch.equal(trainer.network.heads["a"].weight, before["heads.a.weight"])
    assert not torch.equal(trainer.network.heads["c"].weight, before["heads.c.weight"])


@each_method
def test_stock_handlers(method, tmp_path):
    """Statistics, checkpoint, validation, schedule and early stopping of MONAI work."""
    trainer = make(method, epochs=6)
    evaluator = evaluator_of(trainer.network)
    stop = EarlyStopHandler(patience=1, score_function=lambda _: 0.0, trainer=trainer)
    stop.attach(evaluator)
    for handler in (
        StatsHandler(tag_name="loss", output_transform=from_engine(["loss"], first=True)),
        ValidationHandler(1, evaluator),
        LrScheduleHandler(torch.optim.lr_scheduler.ConstantLR(trainer.optimizer, 1.0), print_lr=True),
        CheckpointSaver(str(tmp_path), {"network": trainer.network}, save_final=True),
    ):
        handler.attach(trainer)
    trainer.run()
    assert trainer.state.epoch == 2  # the constant score never improves: stopped after one epoch of patience
    assert set(evaluator.state.metrics) == {"val/score", "val/loss_a", "val/loss_b", "val/loss_c"}
    assert list(tmp_path.glob("*.pt"))


def test_validation_losses_are_means_over_labelled_samples():
    """Three samples in batches of two; the last lacks b. Worked out sample by sample."""
    items = samples(3, missing={(2, "b")})
    network = Branches()
    evaluator = evaluator_of(network, items)
    evaluator.run()
    for name, present in (("a", items), ("b", items[:2])):
        with torch.no_grad():
            errors = [(network(s["image"])[name] - s[name]).square().item() for s in present]
        assert evaluator.state.metrics[f"val/loss_{name}"] == pytest.approx(sum(errors) / len(errors))
    assert evaluator.state.metrics["val/score"] == pytest.approx(
        -sum(evaluator.state.metrics[f"val/loss_{n}"] for n in NAMES)
    )


def test_a_label_without_presence_raises():
    item = samples(1)[0]
    del item["b_present"]
    with pytest.raises(KeyError, match="b_present: expected next to the label b"):
        PrepareMultiTaskBatch(TASKS)({k: v[None] for k, v in item.items()})


@each_method
def test_a_finished_training_is_not_repeated(method):
    done = make(method)
    done.run()
    again = make(method)
    again.load_state_dict(done.state_dict())
    before = weights(again.network)
    again.run()
    assert_same(weights(again.network), before)
    assert again.state.epoch == 2


def test_nothing_to_train_on_is_an_error():
    trainer = make("joint-Sum")
    trainer.state.epoch_length = 0
    with pytest.raises(ValueError, match="expected at least one batch"):
        trainer.run()


def test_workers_that_outlive_an_epoch_raise():
    from monai.data import DataLoader, Dataset

    network = Branches()
    with pytest.raises(ValueError, match="persistent_workers: expected False"):
        JointTrainer(
            device=torch.device("cpu"),
            max_epochs=1,
            train_data_loader=DataLoader(Dataset(samples()), num_workers=1, persistent_workers=True),
            network=network,
            optimizer=ADAM(network.parameters()),
            loss_function=PlainLoss(TASKS),
            prepare_batch=PrepareMultiTaskBatch(TASKS),
        )


@each_method
def test_the_network_is_in_training_mode_whatever_an_evaluator_left(method):
    trainer = make(method, epochs=1)
    trainer.network.eval()
    modes = []
    trainer.network.register_forward_hook(lambda module, *_: modes.append(module.training))
    trainer.run()
    assert modes
    assert all(modes)


@each_method
def test_bfloat16_trains_without_a_scaler_and_resumes_bit_exactly(method):
    """Four epochs at once, or two and two."""

    def assembled(epochs):
        trainer = make(method, amp="bfloat16", epochs=epochs)
        trainer.network.float()
        trainer.prepare_batch = lambda *a, **k: _float(PrepareMultiTaskBatch(TASKS)(*a, **k))
        return trainer

    straight, first, second = assembled(4), assembled(2), assembled(4)
    straight.run()
    first.run()
    assert not first.scaler.is_enabled()
    second.network.load_state_dict(first.network.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    second.state.max_epochs = 4
    second.run()
    assert second.state.epoch == 4
    assert_same(weights(second.network), weights(straight.network))


def test_mixed_precision_is_not_float32():
    found = []
    for amp in ("float32", "bfloat16", "float16"):
        trainer = make("joint-Sum", amp=amp, epochs=1)
        trainer.network.float()
        trainer.prepare_batch = lambda *a, **k: _float(PrepareMultiTaskBatch(TASKS)(*a, **k))
        trainer.run()
        found.append(trainer.network.shared.weight.detach())
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not torch.equal(found[1], found[2])
    for reduced in found[1:]:
        assert_close(reduced, found[0], rtol=0.1, atol=0.05)


def test_a_state_of_another_precision_is_refused_and_an_old_one_is_not():
    state = make("joint-Sum", amp="bfloat16").state_dict()
    with pytest.raises(ValueError, match=r"trained in float32, but got one in bfloat16; add amp=bfloat16\.$"):
        make("joint-Sum").load_state_dict(state)
    del state["precision"]
    make("joint-Sum").load_state_dict(state)


def test_the_precision_is_logged_once(caplog):
    trainer = make("joint-Sum", amp="bfloat16", epochs=2)
    trainer.network.float()
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)  # small, so that only b overflows
    trainer.prepare_batch = lambda *a, **k: _float(PrepareMultiTaskBatch(TASKS)(*a, **k))
    with caplog.at_level("INFO"):
        trainer.run()
    assert [record.message for record in caplog.records].count("Precision: bfloat16.") == 1
