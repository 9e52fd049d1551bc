"""What is measured, and that measuring leaves no trace."""

from __future__ import annotations

import copy
import math
import random
from contextlib import nullcontext
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.engines import IndependentTrainer, JointTrainer
from fundus_mtl.handlers import RunHandler, TaskBalance
from fundus_mtl.handlers._balance_measure import Balance, directions, layer_names, magnitudes
from fundus_mtl.handlers._balance_probe import undisturbed
from fundus_mtl.optim import OptimizerGroup
from tests.engines.methods import METHODS, make
from tests.engines.toy import NAMES, TASKS, Branches, Forked, PlainLoss, build, gradients_by_hand, overflowing, samples

# TorchJD 0.18 and MLflow 3.17 under SQLAlchemy 2.1.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
ADAM = partial(torch.optim.Adam, lr=0.01)


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """Note the figures without drawing them, which takes seconds, except where they go to a run."""
    if "experiment" not in request.fixturenames:
        monkeypatch.setattr(
            "fundus_mtl.handlers._task_balance.save_figure", lambda figure, path: path.write_text("drawn")
        )


class Normed(Branches):
    """Batch norm and dropout, whose statistics and draws a second forward would move."""

    def __init__(self, dropout=0.5, dtype=torch.float64):
        super().__init__(dropout)
        self.norm = nn.BatchNorm1d(5, dtype=dtype)
        self.to(dtype)

    def forward(self, image, tasks=None):
        shared = self.dropout(self.norm(self.shared(image)).tanh())
        return {name: self.heads[name](shared) for name in tasks or NAMES}


def seed():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # the old global state is what a measurement might move
    random.seed(0)


def draws():
    return float(torch.rand(())), np.random.rand(), random.random()  # noqa: NPY002, S311


def sgd(network, lr=0.1):
    return torch.optim.SGD(network.parameters(), lr=lr)


def joint(tmp_path, network=None, trainer=JointTrainer, optimizer_of=sgd, **options):
    handler = TaskBalance(tmp_path, interval=options.pop("interval", 1), run=options.pop("run", None))
    made = build(trainer, optimizer_of, network=network or Forked(), train_handlers=[handler], **options)
    return made, handler


def batch_of(items):
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def same(one, other):
    """Bit-identical, however nested."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def states(trainer):
    return copy.deepcopy([trainer.network.state_dict(), trainer.optimizer.state_dict(), trainer.state_dict()])


@pytest.mark.parametrize("method", METHODS)
def test_training_is_the_same_with_and_without(tmp_path, method):
    """Every method of the package; shuffled, so that a moved random state would show in the order too."""
    found = []
    for handlers in [], [TaskBalance(tmp_path, interval=2)]:
        seed()
        trainer = make(
            method, Normed(), ADAM, items=samples(8, missing=[(0, "b"), (1, "b")]), batch_size=2, shuffle=True,
            train_handlers=handlers,
        )  # fmt: skip
        trainer.run()
        found.append([*states(trainer), draws()])
        assert torch.isfinite(trainer.network.norm.running_mean).all()
    assert same(*found)
    assert pd.read_csv(tmp_path / "balance_steps.csv")["iteration"].tolist() == [1, 3, 5, 7]


def test_the_comparison_sees_a_moved_state():
    class Meddler(TaskBalance):
        def iteration_started(self, engine):
            engine.network.train()(engine.state.batch["image"])

    one, other = (make("joint-Sum", Normed(), train_handlers=h) for h in ([], [Meddler("unused")]))
    one.run()
    other.run()
    assert not same(states(one), states(other))


def test_nothing_moves_on_demand(tmp_path):
    trainer, handler = joint(tmp_path, Normed())
    trainer.run()
    trainer.network.eval()
    trainer.network.heads.train()
    next(iter(trainer.network.parameters())).grad = torch.ones(5, 4, dtype=torch.float64)
    before = states(trainer), torch.get_rng_state(), [m.training for m in trainer.network.modules()]
    gradients = [copy.deepcopy(p.grad) for p in trainer.network.parameters()]
    output, files = trainer.state.output, (tmp_path / "balance.csv").read_bytes()
    with torch.no_grad():
        balance = handler.measure(trainer, batch_of(samples(4)))
    assert balance.layers == ("shared", "heads.a", "heads.b", "heads.c", "norm")
    assert (balance.gradients > 0).all()
    assert same(before, (states(trainer), torch.get_rng_state(), [m.training for m in trainer.network.modules()]))
    assert same(gradients, [p.grad for p in trainer.network.parameters()])
    assert trainer.state.output is output
    assert (tmp_path / "balance.csv").read_bytes() == files


def test_a_rule_that_draws_on_demand_moves_nothing(tmp_path):
    trainer, handler = joint(tmp_path)
    trainer.contributions = lambda gradients: draws() and gradients
    seed()
    handler.measure(trainer, batch_of(samples(3)))
    after = draws()
    seed()
    assert after == draws()


def meddle(network):
    network.train()(torch.rand(4, 4, dtype=torch.float64))
    network.extra.add_(1)
    network.extra = torch.ones(2)
    raise ZeroDivisionError(draws())


def test_undisturbed_puts_everything_back_after_an_error():
    network = Normed()
    network.register_buffer("extra", torch.zeros(2))
    extra, before = network.extra, copy.deepcopy(network.state_dict())
    network.eval()
    after = []
    for _ in range(2):
        seed()
        with pytest.raises(ZeroDivisionError), undisturbed(network, torch.device("cpu")):
            meddle(network)
        after.append(draws())
    seed()
    assert after == [draws()] * 2
    assert network.extra is extra
    assert same(dict(network.state_dict()), dict(before))
    assert not any(module.training for module in network.modules())


BY_HAND = {  # trunk.weight, trunk.bias, head.weight
    "a": [tensor([3.0, 4.0]), tensor([0.0]), None],
    "b": [tensor([-3.0, -4.0]), tensor([2.0]), None],
    "c": [tensor([[0.0], [2.0]]), None, tensor([-6.0])],
}
LAYERS = layer_names(["trunk.weight", "trunk.bias", "head.weight"])


def test_directions_by_hand():
    """The cosine of b and c is over the trunk's weight alone, b's length too; the head of c is not shared."""
    norms, cosines, layers = directions(list(BY_HAND), LAYERS, BY_HAND)
    assert_close(norms, tensor([5, math.sqrt(29), 2], dtype=torch.float64))
    ab, ac, bc = -25 / (5 * math.sqrt(29)), 8 / (5 * 2), -8 / (5 * 2)
    assert_close(cosines, tensor([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]], dtype=torch.float64))
    assert_close(layers[0], cosines)
    only_c = torch.full((3, 3), torch.nan, dtype=torch.float64)
    only_c[2, 2] = 1
    assert_close(layers[1], only_c, equal_nan=True)


def test_magnitudes_by_hand():
    means, layers = magnitudes(list(BY_HAND), LAYERS, BY_HAND)
    nan = torch.nan
    assert_close(means, tensor([7 / 3, 3, 8 / 3], dtype=torch.float64))
    assert_close(layers, tensor([[7 / 3, nan], [3, nan], [1, 6]], dtype=torch.float64), equal_nan=True)
    means, _ = magnitudes(["a", "absent"], LAYERS, BY_HAND)
    assert_close(means, tensor([7 / 3, nan], dtype=torch.float64), equal_nan=True)


def test_conflicts_by_hand():
    """Of three pairs one conflicts, one is orthogonal, one is not known."""
    nan = math.nan
    cosines = tensor([[1, -0.1, 0], [-0.1, 1, nan], [0, nan, 1]], dtype=torch.float64)
    unknown, layer = torch.full((3,), nan), torch.full((3, 1), nan)
    balance = Balance(
        NAMES, frozenset(NAMES), ("x",), unknown, unknown, unknown, layer, layer, cosines, cosines.expand(1, 3, 3)
    )
    assert balance.conflict_rate == 1 / 2
    assert balance.layer_conflicts.tolist() == [[1 / 2], [1], [0]]
    assert list(balance.numbers())[-4:] == ["cosine_a_b", "cosine_a_c", "cosine_b_c", "conflict_rate"]


def test_names_of_layers():
    assert layer_names(["scale", "a.weight", "a.bias", "a.b.weight"]) == ["network", "a", "a", "a.b"]


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_cosines_do_not_depend_on_scale(scale):
    scaled = {task: [None if e is None else e * scale for e in entries] for task, entries in BY_HAND.items()}
    assert_close(directions(list(BY_HAND), LAYERS, scaled)[1], directions(list(BY_HAND), LAYERS, BY_HAND)[1])


def test_zero_and_broken_gradients_are_unknown():
    gradients = {"a": [tensor([1.0, 0.0])], "zero": [torch.zeros(2)], "broken": [tensor([math.inf, 1.0])]}
    norms, cosines, _ = directions(list(gradients), ["x"], gradients)
    assert norms[:2].tolist() == [1, 0]
    assert norms[2].isnan()
    assert cosines[~torch.eye(3, dtype=torch.bool)].isnan().all()
    assert magnitudes(list(gradients), ["x"], gradients)[0][2].isnan()


def test_gradients_are_those_of_backward(tmp_path):
    """Oracle: one `backward()` per task; in the forked network a and b share the decoder, all share the trunk."""
    items = samples(4)
    trainer, handler = joint(tmp_path)
    balance = handler.measure(trainer, batch_of(items))
    found = gradients_by_hand(items)
    for i, task in enumerate(NAMES):
        own = found[task]
        shared = torch.cat([g.flatten() for name, g in own.items() if not name.startswith("heads")])
        if task == "c":
            shared = torch.cat([own["trunk.weight"].flatten(), own["trunk.bias"]])
        assert_close(balance.norms[i], shared.norm())
        assert_close(balance.gradients[i], torch.cat([g.flatten() for g in own.values()]).abs().mean())
        assert_close(balance.contributions[i], 0.1 * balance.gradients[i])  # SGD
    one, other = (
        torch.cat(
            [found[t][f"{layer}.{kind}"].flatten() for layer in ("trunk", "decoder") for kind in ("weight", "bias")]
        )
        for t in "ab"
    )
    assert_close(balance.cosines[0, 1], torch.cosine_similarity(one, other, dim=0))
    assert balance.layer_gradients[2].isnan().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("sign, rate", [(1.0, 0.0), (-1.0, 1.0)])
def test_opposite_tasks_are_in_conflict_and_equal_ones_are_not(tmp_path, sign, rate):
    def loss(logits, labels, presence):
        return {"a": logits["a"].mean(), "b": sign * logits["a"].mean()}

    trainer, handler = joint(tmp_path, loss_function=loss)
    balance = handler.measure(trainer, batch_of(samples(3)))
    assert balance.conflict_rate == rate
    assert_close(balance.cosines[0, 1], tensor(sign, dtype=torch.float64))
    assert balance.layer_conflicts[0].tolist()[:2] == [rate, rate]
    assert balance.labelled == {"a", "b"}


def test_contributions_carry_the_weight_of_the_step(tmp_path):
    def weighting(losses):
        return 5 * losses["a"] + losses["b"] + 0 * losses["c"]

    trainer, handler = joint(tmp_path, weighting=weighting, batch_size=6, epochs=1)
    trainer.run()
    (row,) = handler.table.steps.to_dict("records")
    assert row["contribution_a"] == pytest.approx(0.5 * row["gradient_mean_a"])
    assert row["contribution_b"] == pytest.approx(0.1 * row["gradient_mean_b"])
    assert row["contribution_c"] == 0


def test_contributions_carry_the_rate_of_the_step_not_of_the_next(tmp_path):
    class Schedule:
        def attach(self, engine):
            engine.add_event_handler("ITERATION_COMPLETED", lambda e: e.optimizer.param_groups[0].update(lr=100.0))

    handler = TaskBalance(tmp_path, interval=1)
    trainer = build(JointTrainer, sgd, network=Forked(), batch_size=6, epochs=1, train_handlers=[Schedule(), handler])
    trainer.run()
    (row,) = handler.table.steps.to_dict("records")
    assert row["contribution_a"] == pytest.approx(0.1 * row["gradient_mean_a"])


def test_adams_rate_knows_the_step_that_it_is_measured_at(tmp_path):
    """Adam's first step is the learning rate for every weight, however large its gradient."""
    trainer, handler = joint(
        tmp_path, Branches(), IndependentTrainer,
        lambda network: OptimizerGroup.per_task(TASKS, network.parameters(), ADAM), epochs=1,
    )  # fmt: skip
    trainer.run()
    assert handler.table.steps["contribution_a"][0] == pytest.approx(0.01, rel=1e-5)
    fresh, handler = joint(tmp_path, Branches(), optimizer_of=lambda network: ADAM(network.parameters()))
    assert handler.measure(fresh, batch_of(samples(3))).contributions.isnan().all()  # before its first step: not known


def test_the_dropout_is_the_step_s_own(tmp_path):
    def only_a(logits, labels, presence):
        return {"a": PlainLoss(TASKS)(logits, labels, presence)["a"]}

    trainer, handler = joint(tmp_path, Normed(), loss_function=only_a)
    means = []

    @trainer.on("BACKWARD_COMPLETED")
    def mean(engine):
        gradients = [p.grad.flatten() for p in engine.network.parameters() if p.grad is not None]
        means.append(float(torch.cat(gradients).abs().mean()))

    trainer.run()
    assert handler.table.steps["gradient_mean_a"].tolist() == pytest.approx(means, rel=1e-12)


def test_mixed_precision_is_measured_without_its_scale(tmp_path):
    found = []
    for amp in "float32", "float16":
        network = Normed(0.0, torch.float32)
        trainer, handler = joint(tmp_path, network, amp=amp, to_kwargs={"dtype": torch.float32})
        assert trainer.scaler.get_scale() == (65536 if amp == "float16" else 1)
        if amp == "float16":
            trainer.scaler = torch.amp.GradScaler("cpu", init_scale=256.0)  # the default overflows on this network
        found.append(handler.measure(trainer, batch_of(samples(6))))
    assert_close(found[1].norms, found[0].norms, rtol=0.05, atol=1e-3)
    assert not torch.equal(found[1].norms, found[0].norms)  # float16 it was
    assert_close(found[1].contributions, found[0].contributions, rtol=0.05, atol=1e-3)


def test_an_overflow_is_unknown_and_no_crash(tmp_path):
    trainer, handler = joint(tmp_path, loss_function=overflowing(), epochs=1)
    trainer.scaler = torch.amp.GradScaler("cpu")  # it skips the step, which would stop the training otherwise
    trainer.run()
    row = handler.table.steps.iloc[0]
    assert row["gradient_norm_a"] > 0
    assert row[["gradient_norm_b", "gradient_mean_b", "contribution_a", "cosine_a_b"]].isna().all()
    assert not math.isnan(row["cosine_a_c"])
    assert (tmp_path / "balance_layers.png").is_file()


class Recorder:
    """Stands in for a run."""

    def __init__(self):
        self.kept = []

    def keep(self, values, step):
        self.kept.append((step, values))


def test_a_task_without_label_is_absent(tmp_path):
    run = Recorder()
    trainer, handler = joint(tmp_path, items=samples(6, missing=[(0, "b"), (1, "b")]), batch_size=2, epochs=1, run=run)
    trainer.run()
    (step, first), (_, second), _ = run.kept
    assert step == 1
    kinds = ["gradient_norm", "gradient_mean", "contribution"]
    assert list(first) == [
        *(f"balance/{kind}_{task}" for task in "ac" for kind in kinds), "balance/cosine_a_c", "balance/conflict_rate"
    ]  # fmt: skip
    assert set(second) - set(first) == {
        *(f"balance/{kind}_b" for kind in kinds),
        *(f"balance/cosine_{p}" for p in ("a_b", "b_c")),
    }
    assert handler.table.steps["gradient_norm_b"].isna().tolist() == [True, False, False]
    assert set(handler.table.layers.query("iteration == 1")["task"]) == {"a", "c"}
    text = (tmp_path / "balance_steps.csv").read_text().splitlines()
    assert ",," in text[1] + ","
    assert ",," not in text[2] + ","


def test_one_task_and_no_task(tmp_path):
    run = Recorder()
    trainer, handler = joint(tmp_path, loss_function=PlainLoss(TASKS[:1]), epochs=1, run=run)
    trainer.run()
    assert "balance/conflict_rate" not in run.kept[0][1]
    balance = handler.measure(trainer, batch_of(samples(3)))
    assert math.isnan(balance.conflict_rate)
    assert math.isnan(balance.norms[0])  # nothing is shared
    assert balance.gradients[0] > 0
    missing = [(i, task) for i in range(3) for task in NAMES]
    trainer, handler = joint(tmp_path / "none", items=samples(3, missing), epochs=1)
    trainer.run()
    assert list(handler.table.steps) == ["iteration"]
    assert not (tmp_path / "none" / "balance_steps.png").exists()


def test_frozen_parameters_are_left_out(tmp_path):
    network = Forked()
    network.trunk.requires_grad_(False)
    trainer, handler = joint(tmp_path, network)
    assert handler.measure(trainer, batch_of(samples(3))).layers == ("decoder", "heads.a", "heads.b", "heads.c")
    network.requires_grad_(False)
    assert handler.measure(trainer, batch_of(samples(3))).gradients.isnan().all()


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_what_has_no_rate_yet_is_left_out_of_the_mean(tmp_path, unknown):
    trainer, handler = joint(tmp_path, Branches())
    handler.rate = lambda optimizer, task, p: unknown if p.ndim == 1 else torch.full_like(p, 0.5)
    balance = handler.measure(trainer, batch_of(samples(3)))
    network = trainer.network
    logits = network(batch_of(samples(3))["image"])["a"]
    loss = nn.functional.mse_loss(logits, batch_of(samples(3))["a"])
    known = torch.autograd.grad(loss, [network.shared.weight, network.heads["a"].weight])
    assert_close(balance.contributions[0], 0.5 * torch.cat([g.detach().flatten() for g in known]).abs().mean())


def test_tables_are_written_after_every_epoch(tmp_path):
    """A process that is killed leaves what a resumed one needs."""
    trainer, _ = joint(tmp_path)
    rows = []
    trainer.add_event_handler(
        "EPOCH_COMPLETED", lambda _: rows.append(len(pd.read_csv(tmp_path / "balance_steps.csv")))
    )
    trainer.run()
    assert rows == [2, 4]


@pytest.mark.parametrize("interval, measured", [(1, [1, 2, 3, 4]), (3, [1, 4]), (50, [1])])
def test_interval(tmp_path, interval, measured):
    trainer, handler = joint(tmp_path, interval=interval)
    trainer.run()
    assert handler.table.steps["iteration"].tolist() == measured


def test_interval_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected at least 1 iteration, but got 0"):
        TaskBalance(tmp_path, interval=0)


def test_other_ranks_do_nothing(tmp_path):
    trainer = build(JointTrainer, sgd, network=Forked())
    trainer.state.rank = 1
    TaskBalance(tmp_path, interval=1).attach(trainer)
    trainer.run()
    assert not list(tmp_path.iterdir())


def files(folder):
    return [(folder / name).read_bytes() for name in ("balance.csv", "balance_steps.csv")]


def test_a_resumed_training_has_the_table_of_an_uninterrupted_one(tmp_path):
    """It is resumed at the end of epoch 2, but had measured a part of epoch 3, at other weights, before it died."""

    def adam(network):
        return ADAM(network.parameters())

    items = samples(6, missing=[(0, "b"), (1, "b"), (2, "b")])
    whole, _ = joint(tmp_path / "whole", Normed(), optimizer_of=adam, epochs=4, items=items)
    whole.run()
    first, _ = joint(tmp_path / "parts", Normed(), optimizer_of=adam, epochs=4, items=items)
    saved = []
    first.add_event_handler("EPOCH_COMPLETED", lambda e: saved.append(states(e)))
    first.add_event_handler("ITERATION_COMPLETED", lambda e: 1 / 0 if e.state.iteration == 6 else None)
    with pytest.raises(ZeroDivisionError):
        first.run()
    assert pd.read_csv(tmp_path / "parts/balance_steps.csv")["iteration"].tolist() == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "parts/balance_layers.png").is_file()
    second, handler = joint(tmp_path / "parts", Normed(), optimizer_of=adam, epochs=4, items=items)
    for target, state in zip((second.network, second.optimizer, second), saved[1], strict=True):
        target.load_state_dict(state)
    second.run()
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert handler.table.steps["iteration"].tolist() == list(range(1, 9))
    second.run()  # nothing left to do: nothing is overwritten
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_a_fresh_training_forgets_the_old_tables_and_a_resume_needs_none(tmp_path):
    (tmp_path / "balance_steps.csv").write_text("iteration\nof another version")
    for _ in range(2):
        trainer, _ = joint(tmp_path)
        trainer.run()
    assert pd.read_csv(tmp_path / "balance_steps.csv")["iteration"].tolist() == [1, 2, 3, 4]
    trainer, handler = joint(tmp_path / "new", epochs=3)
    trainer.load_state_dict({"epoch_length": 2, "max_epochs": 3, "iteration": 4})
    trainer.run()
    assert handler.table.steps["iteration"].tolist() == [5, 6]
    handler.table.restart(0)
    assert handler.table.steps.empty
    assert handler.table.layers.empty
    trainer, handler = joint(tmp_path / "idle", epochs=3)
    trainer.load_state_dict({"epoch_length": 2, "max_epochs": 3, "iteration": 4})
    handler.interval = 50
    trainer.run()
    assert not (tmp_path / "idle").exists()  # nothing measured, nothing written


@pytest.mark.parametrize("fails, first", [(False, False), (False, True), (True, False)])
def test_numbers_and_figures_reach_the_run(tmp_path, tracking_uri, experiment, client, fails, first):
    """The run's ending comes after the figures: whatever the order if all goes well, and in the order advised if not."""
    run = RunHandler(tracking_uri, tmp_path, experiment, artifacts=[tmp_path / "out"])
    handler = TaskBalance(tmp_path / "out", interval=1, run=run)
    trainer = build(JointTrainer, sgd, network=Forked(), epochs=1)
    for one in (run, handler) if first else (handler, run):
        one.attach(trainer)
    trainer.add_event_handler("ITERATION_COMPLETED", lambda e: 1 / 0 if fails and e.state.iteration == 2 else None)
    with pytest.raises(ZeroDivisionError) if fails else nullcontext():
        trainer.run()
    (found,) = client.search_runs(client.get_experiment_by_name(experiment).experiment_id)
    history = client.get_metric_history(found.info.run_id, "balance/cosine_a_b")
    assert {m.step: m.value for m in history} == dict(handler.table.steps.set_index("iteration")["cosine_a_b"])
    assert min(file.stat().st_size for file in (tmp_path / "out").glob("*.png")) > 10_000
    names = {f.path for f in client.list_artifacts(found.info.run_id, "out")}
    assert names == {f"out/balance{end}" for end in (".csv", "_steps.csv", "_layers.png", "_steps.png")}


def test_keep_where_nothing_is_tracked(tracking_uri, experiment, tmp_path):
    RunHandler(None, tmp_path).keep({"a": 1.0}, 1)
    idle = RunHandler(tracking_uri, tmp_path, experiment)
    idle.keep({"a": 1.0}, 1)  # listens to no engine, as on ranks above 0
    assert idle.run_metrics._pending == []
