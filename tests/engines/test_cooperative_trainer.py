"""MT-COOL on a toy with three tasks, float64 and SGD."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from monai.handlers import CheckpointLoader, CheckpointSaver
from torch.func import functional_call
from torch.testing import assert_close

from fundus_mtl.engines import CooperativeTrainer, JointTrainer
from fundus_mtl.engines._perturbation import Box
from fundus_mtl.engines._seeding import derived
from fundus_mtl.handlers._balance_probe import take_pull, weigh_pull
from fundus_mtl.losses import MultiTaskLoss, divergence_from
from fundus_mtl.optim import OptimizerGroup, effective_rate
from tests.engines.toy import BINARY, NAMES, TASKS, PlainLoss, Split, assert_same, build, samples, weights

SGD = partial(torch.optim.SGD, lr=0.1)
ONE_BATCH = {"batch_size": 6, "epochs": 1}
VANILLA = {"samples": 1, "bound": None, "kl_weight": 0.0}


def per_share(network, optimizer=SGD):
    return OptimizerGroup.per_share(TASKS, network, optimizer)


def cooperative(network=None, optimizer=per_share, **options):
    options = {"loss_function": PlainLoss(BINARY), "tasks": BINARY} | options
    return build(CooperativeTrainer, optimizer, network=network or Split(), **options)


def fast(network):
    return per_share(network, partial(SGD, lr=50.0))


def stacked(items, tasks=NAMES):
    present = [item for item in items if all(item[f"{t}_present"] for t in tasks)]
    return torch.stack([i["image"] for i in present]), {t: torch.stack([i[t] for i in present]) for t in tasks}


def owned(network, name):
    theta, phi = network.task_parameters(name)
    keys = {id(p): key for key, p in network.named_parameters()}
    return [keys[id(p)] for p in theta], [keys[id(p)] for p in phi]


def noisy_states(network, shaken, count, bound, seed=0, iteration=1):
    """The trainer's own draws, repeated: weights with noise on the shaken ones, in the order of the parameters."""
    generator = torch.Generator().manual_seed(derived(seed, 2, iteration))
    states = []
    for _ in range(count):
        state = {key: value.detach().clone() for key, value in network.named_parameters()}
        for key, value in state.items():
            if key in shaken:
                unit = torch.empty_like(value).uniform_(-1, 1, generator=generator)
                state[key] = value + unit * bound
        states.append(state)
    return states


def objective(name, states, offset, kl_weight, clean=None):
    """Eq. 5 as a function of an offset of named weights: the mean loss under noise plus the divergence."""
    image, labels = stacked(samples())
    task = next(t for t in BINARY if t.name == name)
    logits = [
        functional_call(Split(), {k: v + offset.get(k, 0) for k, v in state.items()}, (image,))[name]
        for state in states
    ]
    loss = torch.stack([task.loss(answer, labels[name]) for answer in logits]).mean()
    return loss + kl_weight * divergence_from(logits, "sigmoid", clean)


@pytest.mark.parametrize("count, reference, kl", [(2, "mean", 300.0), (1, "clean", 10.0)])
def test_a_step_is_the_central_difference_of_the_noisy_loss(count, reference, kl):
    """Turn of task a, the only labelled one: a step of -lr times the slope, with noise on the shares of b and c only."""
    network = Split()
    clean = network(stacked(samples())[0])["a"].detach() if reference == "clean" else None
    theta, phi = owned(network, "a")
    shaken = [key for name in "bc" for key in owned(network, name)[0]]
    states = noisy_states(network, shaken, count, 0.05)
    missing = {(i, n) for i in range(6) for n in "bc"}
    options = {"kl_weight": kl, "samples": count, "kl_reference": reference}
    trainer = cooperative(network, items=samples(missing=missing), **options, **ONE_BATCH)
    before = weights(network)
    trainer.run()
    after = weights(network)
    for key in [*theta, *phi]:
        expected = torch.zeros_like(before[key])
        for index in range(expected.numel()):
            unit = torch.zeros(expected.numel(), dtype=torch.float64)
            unit[index] = 1e-5
            unit = unit.view_as(expected)
            up, down = (objective("a", states, {key: sign * unit}, kl, clean) for sign in (1, -1))
            expected.view(-1)[index] = (up - down) / 2e-5
        inside = (after[key] - before[key]).abs() < 0.05 * 0.999  # the box cuts the longest steps short
        assert_close((before[key] - after[key])[inside] / 0.1, expected[inside], rtol=1e-5, atol=1e-7)
        assert inside.any()
    for key in set(before) - set(theta) - set(phi):
        assert torch.equal(after[key], before[key]), key


def test_a_task_moves_nothing_but_its_own():
    """A turn does not change the weights of the other tasks by a single bit, in spite of the noise."""
    trainer = cooperative(inner_steps=3, **ONE_BATCH)
    seen = [weights(trainer.network)]
    for name in NAMES:
        trainer.optimizer[name].register_step_post_hook(lambda *_: seen.append(weights(trainer.network)))
    trainer.run()
    assert len(seen) == 10
    turns = [(NAMES[i // 3], seen[i], seen[i + 1]) for i in range(9)]
    for name, before, after in turns:
        own = {key for part in owned(trainer.network, name) for key in part}
        for key in before:
            moved = not torch.equal(before[key], after[key])
            assert not moved or key in own, (name, key)
    assert all(not torch.equal(seen[0][k], seen[-1][k]) for k in seen[0])


def test_gradients_are_taken_for_what_moves_and_nothing_else():
    trainer = cooperative(**ONE_BATCH)
    reached = []
    trainer.add_event_handler(
        "BACKWARD_COMPLETED",
        lambda: reached.append({key for key, p in trainer.network.named_parameters() if p.grad is not None}),
    )
    trainer.run()
    assert reached == [{key for part in owned(trainer.network, name) for key in part} for name in NAMES]


def test_the_box_is_never_left_and_heads_have_none():
    trainer = cooperative(optimizer=fast, inner_steps=4, bound=0.01, **ONE_BATCH)
    before = weights(trainer.network)
    trainer.run()
    after = weights(trainer.network)
    for name in NAMES:
        theta, phi = owned(trainer.network, name)
        gaps = torch.cat([(after[k] - before[k]).abs().flatten() for k in theta])
        assert gaps.max() <= 0.01 + 1e-15
        assert gaps.max() == pytest.approx(0.01)  # the wall was reached: there is something to keep in
        assert max((after[k] - before[k]).abs().max() for k in phi) > 0.01


def test_vanilla_is_alternating_descent():
    """Without noise, divergence and box: plain gradient steps in turn, each after the previous task's step."""
    network = Split()
    image, labels = stacked(samples())
    for task in BINARY:
        parts = [p for part in network.task_parameters(task.name) for p in part]
        loss = task.loss(network(image)[task.name], labels[task.name])
        for p, g in zip(parts, torch.autograd.grad(loss, parts), strict=True):
            p.data.sub_(0.1 * g)
    trainer = cooperative(**VANILLA, **ONE_BATCH)
    trainer.run()
    for key, value in weights(network).items():
        assert_close(weights(trainer.network)[key], value, rtol=1e-12, atol=1e-14)


def test_the_order_of_the_turns_is_that_of_the_tasks():
    one, other = cooperative(**VANILLA, **ONE_BATCH), cooperative(**VANILLA, **ONE_BATCH, tasks=BINARY[::-1])
    one.run()
    other.run()
    assert not torch.equal(one.network.first["a"].weight, other.network.first["a"].weight)


def test_the_warm_up_is_joint_training_under_noise():
    quiet = cooperative(warmup_iterations=2, **VANILLA, **ONE_BATCH | {"epochs": 2})
    joint = build(
        JointTrainer,
        lambda n: SGD(n.parameters()),
        network=Split(),
        loss_function=PlainLoss(BINARY),
        **ONE_BATCH | {"epochs": 2},
    )
    quiet.run()
    joint.run()
    for key, value in weights(joint.network).items():
        assert_close(weights(quiet.network)[key], value, rtol=1e-12, atol=1e-14)


def test_the_warm_ups_gradient_is_that_of_the_noisy_losses():
    network = Split()
    shaken = [key for name in NAMES for key in owned(network, name)[0]]
    states = noisy_states(network, shaken, 2, 0.05)
    offset = {key: torch.zeros_like(p, requires_grad=True) for key, p in weights(network).items()}
    total = sum(objective(name, states, offset, 0.0) for name in NAMES)
    slopes = dict(zip(offset, torch.autograd.grad(total, list(offset.values())), strict=True))
    trainer = cooperative(network, warmup_iterations=1, kl_weight=5.0, **ONE_BATCH)  # no divergence in the warm-up
    before = weights(network)
    trainer.run()
    for key, slope in slopes.items():
        assert_close((before[key] - weights(network)[key]) / 0.1, slope, rtol=1e-9, atol=1e-12)


def test_balance_is_measured_with_the_optimizer_of_the_phase():
    """In the warm-up every task moves all shares; afterwards its own."""
    trainer = cooperative(warmup_iterations=1, batch_size=3, epochs=1)
    found = []

    def measure():
        balance = weigh_pull(trainer, take_pull(trainer, trainer.state.batch), effective_rate)
        place = balance.tasks.index("b"), balance.layers.index("first.a")
        found.append((balance.layer_gradients[place], balance.layer_contributions[place]))

    trainer.add_event_handler("ITERATION_STARTED", measure)
    trainer.run()
    (gradient, moved), (later_gradient, later) = found
    assert moved == pytest.approx(0.1 * gradient)
    assert later_gradient > 0
    assert later == 0


def test_the_warm_up_has_no_box():
    trainer = cooperative(optimizer=fast, warmup_iterations=1, bound=0.01, **ONE_BATCH)
    before = weights(trainer.network)
    trainer.run()
    assert (weights(trainer.network)["first.a.weight"] - before["first.a.weight"]).abs().max() > 0.01


@pytest.mark.parametrize(
    "change",
    [
        {"samples": 3}, {"inner_steps": 2}, {"kl_weight": 0.0}, {"bound": 0.2}, {"seed": 1},
        {"kl_weight": 0.0, "bound": None},
        {"warmup_iterations": 1}, {"kl_reference": "clean"}, {"noise_on": "conv"}, {"relative": True},
    ],
    ids=str,
)  # fmt: skip
def test_every_setting_changes_something(change):
    one, other = cooperative(**ONE_BATCH), cooperative(**ONE_BATCH | change)
    one.run()
    other.run()
    assert not torch.equal(one.network.first["a"].weight, other.network.first["a"].weight)


def test_each_task_may_have_samples_of_its_own():
    """x_1 ≠ x_2: a turn sees its task's samples only, and a task without any has no turn."""
    missing = {(i, n) for i in range(6) for n in NAMES if n != "ab"[i % 2]}
    items = samples(missing=missing)
    network = Split(norm=True)
    for task in BINARY[:2]:
        image, labels = stacked(items, (task.name,))
        assert len(image) == 3
        parts = [p for part in network.task_parameters(task.name) for p in part]
        loss = task.loss(network(image)[task.name], labels[task.name])
        for p, g in zip(parts, torch.autograd.grad(loss, parts), strict=True):
            p.data.sub_(0.1 * g)
    trainer = cooperative(Split(norm=True), items=items, **VANILLA, **ONE_BATCH)
    before = weights(trainer.network)
    trainer.run()
    for key, value in network.named_parameters():  # batch norm tells which samples were seen together
        assert_close(weights(trainer.network)[key], value.detach(), rtol=1e-12, atol=1e-14)
    assert torch.equal(trainer.network.heads["c"].weight, before["heads.c.weight"])
    assert trainer.state.output[0]["labelled_a"] == 3


def test_running_statistics_follow_a_clean_forward_and_never_the_noise():
    trainer = cooperative(Split(norm=True), inner_steps=2, samples=3, bound=0.5, **ONE_BATCH)
    trainer.run()
    clean = Split(norm=True)
    clean.load_state_dict({k: v for k, v in weights(trainer.network).items() if "running" not in k}, strict=False)
    clean(stacked(samples())[0])
    for key, value in weights(clean).items():
        if "running" in key or "tracked" in key:
            expected = torch.ones_like(value) if "tracked" in key else value
            assert_close(weights(trainer.network)[key], expected)


def test_resume_is_bit_exact(tmp_path):
    """Resume during the warm-up with MONAI's handlers: phase, noise and boxes are bit-exact."""
    options = {"warmup_iterations": 3, "shuffle": True, "inner_steps": 2}
    straight, first, second = (cooperative(Split(norm=True), epochs=e, **options) for e in (4, 1, 4))
    straight.run()
    parts = [{"network": t.network, "optimizer": t.optimizer, "trainer": t} for t in (first, second)]
    CheckpointSaver(str(tmp_path), parts[0], save_final=True).attach(first)
    first.run()
    (file,) = tmp_path.glob("*.pt")
    CheckpointLoader(str(file), parts[1]).attach(second)
    second.run()
    assert second.state.iteration == 8
    assert_same(weights(second.network), weights(straight.network))


def test_an_overflow_skips_that_tasks_step_only():
    plain = PlainLoss(BINARY)
    broken = lambda *a: {n: v * (float("inf") if n == "b" else 1) for n, v in plain(*a).items()}  # noqa: E731
    trainer = cooperative(loss_function=broken, **ONE_BATCH)
    trainer.scaler = torch.amp.GradScaler("cpu")
    before = weights(trainer.network)
    trainer.run()
    after = weights(trainer.network)
    assert torch.equal(after["heads.b.weight"], before["heads.b.weight"])
    assert not torch.equal(after["heads.a.weight"], before["heads.a.weight"])
    assert not torch.equal(after["heads.c.weight"], before["heads.c.weight"])


@pytest.mark.parametrize("warm_up", [0, 1])
def test_predictions_are_those_of_the_clean_network(warm_up):
    """Stock metrics and loggers read ``pred_<task>`` from the output; predictions with noise are not in it."""
    trainer = cooperative(warmup_iterations=warm_up, **ONE_BATCH)
    trainer.run()
    output = trainer.state.output[0]
    expected = trainer.network(output["image"][None])
    for name in NAMES:
        assert_close(
            output[f"pred_{name}"], expected[name][0].detach(), rtol=1e-12, atol=1e-12
        )  # a batch of another size


@pytest.mark.parametrize("part", ["theta", "everything"])
@pytest.mark.parametrize("warm_up", [0, 1])
def test_frozen_weights_stay_and_the_rest_trains(part, warm_up):
    trainer = cooperative(warmup_iterations=warm_up, **ONE_BATCH)
    theta, phi = trainer.network.task_parameters("b")
    for parameter in theta if part == "theta" else [*theta, *phi]:
        parameter.requires_grad_(False)
    before = weights(trainer.network)
    trainer.run()
    after = weights(trainer.network)
    for key in owned(trainer.network, "b")[0]:
        assert torch.equal(after[key], before[key])
    assert torch.equal(after["heads.b.weight"], before["heads.b.weight"]) == (part == "everything")
    for key in ("first.a.weight", "first.c.weight", "heads.a.weight"):
        assert not torch.equal(after[key], before[key])
    assert trainer.state.output[0]["loss_b"] > 0


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("warm_up", [0, 1])
def test_a_network_that_is_frozen_altogether_is_skipped(warm_up, scaled):
    network = Split().requires_grad_(False)
    trainer = cooperative(network, warmup_iterations=warm_up, **ONE_BATCH)
    if scaled:
        trainer.scaler = torch.amp.GradScaler("cpu")
    before = weights(network)
    trainer.run()
    assert_same(weights(network), before)
    assert trainer.state.output[0]["loss_a"] > 0


@pytest.mark.parametrize("reference", ["mean", "clean"])
@pytest.mark.parametrize("warm_up", [0, 1])
def test_mixed_precision_is_close_to_full(reference, warm_up):
    options = {"warmup_iterations": warm_up, "kl_reference": reference, "items": single(), **ONE_BATCH}
    full, mixed = (
        cooperative(Split().float(), amp=amp, loss_function=MultiTaskLoss(BINARY), **options) for amp in (False, True)
    )
    before = weights(full.network)
    full.run()
    mixed.run()
    moved = {key: value - before[key] for key, value in weights(full.network).items()}
    for key, value in weights(mixed.network).items():
        assert value.dtype == torch.float32
        assert (value - before[key] - moved[key]).norm() < 0.05 * moved[key].norm() + 1e-4, key


def single():
    return [{key: v.float() if v.is_floating_point() else v for key, v in item.items()} for item in samples()]


def test_a_batch_without_labels_is_skipped():
    trainer = cooperative(items=samples(3, missing={(i, n) for i in range(3) for n in NAMES}))
    before = weights(trainer.network)
    trainer.run()
    assert_same(weights(trainer.network), before)


def test_a_divergence_that_is_always_zero_warns():
    with pytest.warns(UserWarning, match="kl_weight has no effect: with samples=1"):
        cooperative(samples=1)
    with pytest.warns(UserWarning, match="kl_weight has no effect without noise"):
        cooperative(bound=None)
    cooperative(samples=1, kl_reference="clean")
    cooperative(samples=1, kl_weight=0.0)
    cooperative(bound=None, kl_weight=0.0)


@pytest.mark.parametrize(
    "options, error, message",
    [
        (
            {"optimizer": lambda n: SGD(n.parameters())},
            TypeError,
            "but got SGD; build it with OptimizerGroup.per_share",
        ),
        (
            {"optimizer": lambda n: OptimizerGroup.per_task(TASKS, n.parameters(), SGD)},
            TypeError,
            r"of \['a', 'all', 'b', 'c'\], but got one of \['a', 'b', 'c'\]; build it with",
        ),
        (
            {"optimizer": lambda n: OptimizerGroup({"all": SGD(n.parameters())})},
            TypeError,
            r"but got one of \['all'\]",
        ),
        ({"tasks": TASKS}, ValueError, "expected softmax or sigmoid, but got 'none'"),
        ({"inner_steps": 0}, ValueError, "inner_steps and samples of at least 1"),
        ({"kl_reference": "median"}, ValueError, "kl_reference: expected one of"),
        ({"bound": 0.0}, ValueError, "bound: expected more than 0, or None"),
        ({"noise_on": "head"}, ValueError, "noise_on: expected one of"),
        ({"accumulation_steps": 2}, ValueError, "expected 1 for CooperativeTrainer"),
    ],
)
def test_invalid_arguments_raise(options, error, message):
    with pytest.raises(error, match=message):
        cooperative(**options)


def test_a_relative_box_is_in_units_of_each_tensors_size():
    weight = torch.tensor([[3.0, 4.0]])
    assert Box(0.1, relative=True).radius(weight) == pytest.approx(0.1 * 12.5**0.5)
    assert Box(0.1, relative=True).radius(torch.tensor([3.0, 4.0])) == 0.1
    assert Box(0.1).radius(weight) == 0.1
    assert Box(0.1, relative=True).radius(0 * weight) == pytest.approx(0.1)  # else it could never leave 0


def test_noise_on_convolutions_leaves_linear_layers_and_vectors_alone():
    generator = torch.Generator().manual_seed(0)
    for shape, shaken in (((4, 3, 5, 5), True), ((50, 320), False), ((50,), False)):
        weight = torch.zeros(shape)
        assert torch.equal(Box(0.1, noise_on="conv").noisy(weight, generator), weight) != shaken
        assert not torch.equal(Box(0.1).noisy(weight, generator), weight)


def test_noise_is_uniform_in_the_box():
    weight = torch.full((200, 100), 7.0, dtype=torch.float64)
    noise = Box(0.05).noisy(weight, torch.Generator().manual_seed(0)) - weight
    assert noise.abs().max() <= 0.05
    assert noise.std() == pytest.approx(0.05 / 3**0.5, rel=0.02)
    assert noise.mean().abs() < 1e-3
