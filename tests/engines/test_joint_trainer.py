from __future__ import annotations

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedTrainer
from torch.testing import assert_close

from fundus_mtl.engines import JointTrainer
from tests.engines.toy import (
    NAMES,
    TASKS,
    Branches,
    Forked,
    PlainLoss,
    assert_same,
    build,
    gradients_by_hand,
    samples,
    weights,
)


def sgd(network):
    return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


def monai_trainer(accumulation_steps=1):
    """MONAI's own trainer on the same data, network and summed loss: the oracle."""
    network = Branches()

    def prepare(batch, device, non_blocking, **_):
        return batch["image"], {name: batch[name] for name in NAMES}

    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=2,
        train_data_loader=DataLoader(Dataset(samples()), batch_size=2),
        network=network,
        optimizer=sgd(network),
        loss_function=lambda p, y: sum(torch.nn.functional.mse_loss(p[n], y[n]) for n in NAMES),
        prepare_batch=prepare,
        decollate=False,
        accumulation_steps=accumulation_steps,
    )


@pytest.mark.parametrize("steps", [1, 2])
def test_joint_is_monais_own_trainer(steps):
    """Three batches per epoch: with two accumulation steps the last batch is stepped alone."""
    oracle = monai_trainer(steps)
    oracle.run()
    ours = build(JointTrainer, sgd, batch_size=2, accumulation_steps=steps)
    ours.run()
    assert_same(weights(ours.network), weights(oracle.network))


def test_one_step_by_hand():
    network = Branches()
    before = weights(network)
    trainer = build(
        JointTrainer, lambda n: torch.optim.SGD(n.parameters(), lr=0.1), network=network, batch_size=6, epochs=1
    )
    trainer.run()
    batch = samples()
    x = torch.stack([s["image"] for s in batch])
    h = (x @ before["shared.weight"].T + before["shared.bias"]).tanh()
    for name in NAMES:
        error = (
            h @ before[f"heads.{name}.weight"].T + before[f"heads.{name}.bias"] - torch.stack([s[name] for s in batch])
        )
        gradient = 2 * error.mean()  # of the mean square with respect to the bias
        assert_close(network.heads[name].bias[0], before[f"heads.{name}.bias"][0] - 0.1 * gradient)


def test_the_weighting_is_used():
    trainer = build(JointTrainer, sgd, weighting=lambda losses: losses["a"] * 1)
    before = weights(trainer.network)
    trainer.run()
    assert torch.equal(trainer.network.heads["b"].weight, before["heads.b.weight"])
    assert not torch.equal(trainer.network.heads["a"].weight, before["heads.a.weight"])


def test_missing_labels_train_like_the_labelled_samples_alone():
    """Samples 0 and 1 lack label b: its head must move as if trained on the other four only."""
    sgd_plain = lambda n: torch.optim.SGD(n.parameters(), lr=0.1)  # noqa: E731
    partial = build(JointTrainer, sgd_plain, items=samples(missing={(0, "b"), (1, "b")}), batch_size=6, epochs=1)
    rest = build(JointTrainer, sgd_plain, items=samples()[2:], batch_size=4, epochs=1)
    partial.run()
    rest.run()
    assert_close(partial.network.heads["b"].weight, rest.network.heads["b"].weight)
    assert not torch.allclose(partial.network.heads["a"].weight, rest.network.heads["a"].weight)


def test_nan_under_a_missing_label_harms_nothing():
    items = samples(missing={(0, "b")})
    items[0]["b"] = torch.full((1,), float("nan"), dtype=torch.float64)
    trainer = build(JointTrainer, sgd, items=items)
    trainer.run()
    assert all(torch.isfinite(value).all() for value in weights(trainer.network).values())


def test_a_batch_without_labels_is_skipped():
    items = samples(3, missing={(i, n) for i in range(3) for n in NAMES})
    trainer = build(JointTrainer, sgd, items=items)
    before = weights(trainer.network)
    trainer.run()
    assert_same(weights(trainer.network), before)


def test_a_task_without_labels_in_the_batch_has_no_loss():
    items = samples(3, missing={(i, "c") for i in range(3)})
    trainer = build(JointTrainer, sgd, items=items, decollate=False)
    trainer.run()
    assert {key for key in trainer.state.output if key.startswith("loss_")} == {"loss_a", "loss_b"}


def test_the_weights_of_the_losses_are_in_the_output():
    """∂total/∂loss, also where the total is no linear sum; a task that does not count has weight zero."""
    trainer = build(JointTrainer, sgd, weighting=lambda losses: losses["a"] ** 2 + 3 * losses["b"], decollate=False)
    trainer.run()
    output = trainer.state.output
    assert_close(output["weight_a"], 2 * output["loss_a"])
    assert output["weight_b"] == 3
    assert output["weight_c"] == 0
    parts = trainer.contributions({"a": [torch.ones(1), None], "b": [None, torch.ones(2)]})
    assert_close(parts["a"][0], output["weight_a"].reshape(1), check_dtype=False)
    assert parts["a"][1] is None
    assert parts["b"][1].tolist() == [3, 3]


class Asking:
    """A weighting that records its arguments."""

    needs_gradient_norms = True

    def __init__(self):
        self.norms = []

    def __call__(self, losses, gradient_norms):
        self.norms.append(gradient_norms)
        return sum(losses.values())


@pytest.mark.parametrize("scaled", [False, True])
def test_gradient_norms_are_those_of_the_last_layer_that_all_tasks_reach(scaled):
    """The forked network's trunk, not the decoder that only two tasks reach; taken by hand with backward()."""
    weighting = Asking()
    trainer = build(JointTrainer, sgd, network=Forked(), weighting=weighting, batch_size=6, epochs=1)
    if scaled:
        trainer.scaler = torch.amp.GradScaler("cpu")
    trainer.run()
    expected = {name: row["trunk.weight"].norm() for name, row in gradients_by_hand(samples()).items()}
    for name in NAMES:
        assert_close(weighting.norms[0][name], expected[name])


def test_without_a_shared_layer_gradient_norms_raise():
    class Apart(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleDict({n: torch.nn.Linear(4, 1, dtype=torch.float64) for n in NAMES})

        def forward(self, image, tasks=None):
            return {name: part(image) for name, part in self.parts.items()}

    trainer = build(JointTrainer, sgd, network=Apart(), weighting=Asking())
    with pytest.raises(ValueError, match="Asking: expected a layer that all of .* reach and train"):
        trainer.run()


def test_the_weighting_gets_epoch_starts_and_its_state_is_saved():
    class Counting:
        epochs = 0

        def start_epoch(self):
            self.epochs += 1

        def __call__(self, losses):
            return sum(losses.values())

        def state_dict(self):
            return {"epochs": self.epochs}

        def load_state_dict(self, state):
            self.epochs = state["epochs"]

    trainer = build(JointTrainer, sgd, weighting=Counting(), epochs=3)
    trainer.run()
    assert trainer.state_dict()["method"] == {"name": "JointTrainer with Counting", "weighting": {"epochs": 3}}
    fresh = build(JointTrainer, sgd, weighting=Counting())
    fresh.load_state_dict(trainer.state_dict())
    assert fresh.weighting.epochs == 3


def test_a_loss_on_frozen_weights_is_in_the_output_too():
    def losses(*args):
        return {n: loss.detach() if n == "c" else loss for n, loss in PlainLoss(TASKS)(*args).items()}

    trainer = build(JointTrainer, sgd, loss_function=losses, decollate=False)
    trainer.run()
    output = trainer.state.output
    assert_close(output["loss"], output["loss_a"] + output["loss_b"] + output["loss_c"])
    assert "weight_c" not in output


class _Recorder:
    """The plain sum; keeps the losses before and after each step."""

    def __init__(self):
        self.before, self.after = [], []

    def __call__(self, losses):
        self.before.append({name: loss.item() for name, loss in losses.items()})
        return sum(losses.values())

    def after_step(self, losses):
        assert not any(loss.requires_grad for loss in losses.values())
        self.after.append({name: loss.item() for name, loss in losses.items()})


class _Normed(Forked):
    """With dropout and batch norm after the trunk."""

    def __init__(self):
        super().__init__()
        norm = torch.nn.BatchNorm1d(5, dtype=torch.float64)
        self.trunk = torch.nn.Sequential(self.trunk, norm, torch.nn.Dropout(0.5))


def test_a_weighting_gets_the_losses_after_the_step():
    """One batch: the losses after a step are those before the next one."""
    weighting = _Recorder()
    build(JointTrainer, sgd, network=Forked(), weighting=weighting, batch_size=6, epochs=3).run()
    assert len(weighting.after) == 3
    assert weighting.after[:-1] == [pytest.approx(losses) for losses in weighting.before[1:]]
    assert weighting.after[0]["a"] < weighting.before[0]["a"]


def test_the_second_forward_pass_has_the_same_dropout_and_keeps_the_running_statistics():
    still = lambda n: torch.optim.SGD(n.parameters(), lr=0.0)  # noqa: E731
    weighting = _Recorder()
    plain = build(JointTrainer, still, network=_Normed(), epochs=2)
    ours = build(JointTrainer, still, network=_Normed(), weighting=weighting, epochs=2)
    plain.run()
    ours.run()
    assert weighting.after == weighting.before
    assert_same(weights(ours.network), weights(plain.network))


def test_a_weighting_gets_the_losses_of_the_last_batch_of_an_accumulated_step():
    weighting = _Recorder()
    missing = {(i, name) for i in (4, 5) for name in NAMES}
    items = samples(missing=missing)
    build(JointTrainer, sgd, items=items, weighting=weighting, batch_size=2, epochs=1, accumulation_steps=3).run()
    assert len(weighting.before) == 2
    assert weighting.after == [{}]
