"""Properties of every rule. A new rule is tested as soon as it is exported."""

from __future__ import annotations

import copy
import inspect
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from fundus_mtl.aggregation import MAMG, PCGrad, Sum
from fundus_mtl.aggregation._gram import GramAggregator
from tests.aggregation.rules import EXPORTED, RULES, gradients, make, through_a_file

EVERY = pytest.mark.parametrize("rule", RULES, ids=str)
GRAM = pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(make(rule), GramAggregator)], ids=str)
PAIRWISE = pytest.mark.parametrize("rule", [rule for rule in RULES if rule[0] in ("PCGrad", "MAMG")], ids=str)
RANDOM = {
    name for name in EXPORTED if name != "TorchJD" and "seed" in inspect.signature(type(make((name, {})))).parameters
}


def at_equal_gradients(rule):
    """The one exception to the sum scale: CAGrad's own radius over its rescaling, by its formula."""
    name, options = rule
    c = options.get("c", 0.5)
    return (
        (1 + c) / {"1+c^2": 1 + c * c, "1+c": 1 + c, "none": 1}[options.get("rescale", "1+c^2")]
        if name == "CAGrad"
        else 1
    )


def test_the_random_rules_are_known():
    assert {"PCGrad", "MAMG", "GradDrop"} <= RANDOM
    assert {"MGDA", "CAGrad", "Sum", "TorchJD"} <= set(EXPORTED)


@EVERY
@settings(deadline=None, derandomize=True, max_examples=8)
@given(tasks=st.integers(2, 10), seed=st.integers(0, 99), log_scale=st.integers(-30, 30))
def test_equal_gradients_add_up(rule, tasks, seed, log_scale):
    g = gradients(1, seed=seed)[0] * 10.0**log_scale
    expected = at_equal_gradients(rule) * tasks * g
    assert_close(make(rule)(g.repeat(tasks, 1)), expected, rtol=1e-9, atol=1e-12 * g.abs().max().item())


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_task_is_plain_training(rule, dtype):
    g = gradients(1, dtype=dtype)
    assert_close(make(rule)(g), g[0], rtol=1e-6 if dtype == torch.float32 else 1e-12, atol=0)


@EVERY
@pytest.mark.parametrize("tasks", [2, 3, 5, 9])
@pytest.mark.parametrize("scale", [1e-10, 1e-3, 1e10])
def test_homogeneous(rule, tasks, scale):
    rows = gradients(tasks, seed=3)
    expected = scale * make(rule)(rows)
    assert_close(
        make(rule)(scale * rows),
        expected,
        rtol=1e-6 if tasks > 8 else 1e-9,
        atol=1e-6 * scale if tasks > 8 else 1e-10 * scale,
    )


@EVERY
@pytest.mark.parametrize("tasks", [2, 4, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_scaler_changes_no_bit(rule, tasks, dtype):
    rows = gradients(tasks, seed=4, dtype=dtype)
    assert torch.equal(make(rule)(1024 * rows), 1024 * make(rule)(rows))


@pytest.mark.parametrize("made", [PCGrad, MAMG, lambda: MAMG("literal")])
def test_aligned_gradients_are_just_added(made):
    rows = gradients(5).abs()  # all dot products are positive
    assert_close(made()(rows), Sum()(rows))


class Forced:
    """A visiting order that belongs to the tasks: the other tasks in the order of their labels."""

    def __init__(self, labels):
        self.labels = labels

    def __call__(self, task, count):
        return sorted((other for other in range(count) if other != task), key=lambda other: self.labels[other])


@EVERY
@pytest.mark.parametrize("tasks", [2, 4, 6])
def test_permuting_tasks_permutes_nothing_but_the_draw(rule, tasks, monkeypatch):
    rows = gradients(tasks, seed=5)
    order = torch.randperm(tasks, generator=torch.Generator().manual_seed(1)).roll(1)
    first, second = make(rule), make(rule)
    if hasattr(first, "_others"):
        monkeypatch.setattr(first, "_others", Forced(list(range(tasks))))
        monkeypatch.setattr(second, "_others", Forced(order.tolist()))
    assert_close(second(rows[order]), first(rows), rtol=1e-9, atol=1e-10)


@PAIRWISE
def test_the_order_is_random_and_matters(rule):
    rows = gradients(6, width=3, seed=6)
    aggregator = make(rule)
    updates = {tuple(aggregator(rows).tolist()) for _ in range(5)}
    assert len(updates) > 1
    assert any(aggregator._others(1, 6) != aggregator._others(1, 6) for _ in range(5))
    assert all(1 not in aggregator._others(1, 6) for _ in range(20))


@GRAM
@pytest.mark.parametrize("tasks", [2, 4, 8])
def test_rotating_the_parameters_rotates_the_update(rule, tasks):
    rows = gradients(tasks, seed=7)
    rotation, _ = torch.linalg.qr(gradients(7, seed=8))
    assert_close(make(rule)(rows @ rotation), make(rule)(rows) @ rotation, rtol=1e-7, atol=1e-9)


@GRAM
def test_weights_are_the_update(rule):
    rows = gradients(4, seed=9)
    weights = make(rule).weights(rows @ rows.T)
    assert weights.dtype == torch.float64
    assert_close(weights @ rows, make(rule)(rows))


def awkward():
    g, other = gradients(2, seed=10)
    zero = torch.zeros_like(g)
    yield "zero", torch.stack([zero, zero, zero])
    yield "one zero", torch.stack([g, zero, other])
    yield "opposite", torch.stack([g, -g])
    yield "opposite of other lengths", torch.stack([g, -3 * g, other])
    yield "duplicates", torch.stack([g, other, g, other])
    yield "opposite duplicates", torch.stack([g, -g, g, -g, other])
    yield "on a line", torch.stack([g, -2 * g, 3 * g, -0.5 * g])
    yield "sums to zero", torch.stack([g, other, -g - other])
    yield "many", torch.cat([gradients(9, width=7), zero[None], g[None], -g[None]])
    yield "no parameters", torch.zeros(3, 0, dtype=torch.float64)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_no_nan(rule, dtype):
    for scale in (1.0,) if dtype == torch.float16 else (1.0, 1e-30, 1e30):
        for kind, rows in awkward():
            update = make(rule)((scale * rows).to(dtype))
            assert update.dtype == dtype
            assert update.shape == rows.shape[1:]
            assert update.isfinite().all(), kind
            if not rows.any():
                assert not update.any()


@EVERY
@pytest.mark.parametrize("ratio", [1e-6, 1e-10])
def test_no_nan_between_rows_of_very_different_scale(rule, ratio):
    rows = gradients(5, seed=11)
    rows[0] *= ratio
    rows[3] /= ratio
    assert make(rule)(rows).isfinite().all()


@EVERY
def test_resume_is_bit_exact(rule):
    aggregator = make(rule, seed=3)
    for step in range(3):
        aggregator(gradients(5, seed=step))
    resumed = make(rule, seed=99)
    resumed.load_state_dict(through_a_file(aggregator.state_dict()))
    if rule[0] in RANDOM:
        assert through_a_file(resumed.state_dict()).keys() == aggregator.state_dict().keys()
    twice = make(rule, seed=98)
    twice.load_state_dict(through_a_file(resumed.state_dict()))  # saved again before the first call
    for step in range(3, 9):
        rows = gradients(5, width=40, seed=step)
        expected = aggregator(rows)
        assert torch.equal(resumed(rows), expected)
        assert torch.equal(twice(rows), expected)


@EVERY
def test_the_state_before_the_first_call_can_be_saved_too(rule):
    resumed = make(rule, seed=5)
    resumed(gradients(5))
    resumed.load_state_dict(through_a_file(make(rule, seed=5).state_dict()))
    rows = gradients(5, width=40)
    assert torch.equal(resumed(rows), make(rule, seed=5)(rows))


@EVERY
@pytest.mark.parametrize("calls", [0, 2])
def test_a_copy_is_independent(rule, calls):
    aggregator, untouched = make(rule), make(rule)
    for step in range(calls):
        aggregator(gradients(5, seed=step)), untouched(gradients(5, seed=step))
    twin = copy.deepcopy(aggregator)
    for step in range(3):
        twin(gradients(5, seed=20 + step))
    rows = gradients(5, width=40, seed=30)
    assert torch.equal(aggregator(rows), untouched(rows))


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_the_seed_is_used_and_the_global_generator_is_not(name):
    rows = gradients(5, width=40)
    before = torch.get_rng_state()
    updates = [make((name, {}), seed=seed)(rows) for seed in (1, 1, 2, 3)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(updates[0], updates[1])
    assert not (torch.equal(updates[0], updates[2]) and torch.equal(updates[0], updates[3]))


@EVERY
def test_another_rules_state_raises(rule):
    with pytest.raises(KeyError, match="but got \\['momentum'\\]; resume with the method"):
        make(rule).load_state_dict({"momentum": 1.0})


@EVERY
@pytest.mark.parametrize(
    "rows", [torch.zeros(3), torch.zeros(0, 3), torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 3, 1)]
)
def test_only_matrices_of_gradients_are_taken(rule, rows):
    with pytest.raises(ValueError, match=f"{rule[0]}: expected a floating-point matrix"):
        make(rule)(rows)


@EVERY
def test_no_graph_is_recorded(rule):
    assert not make(rule)(gradients(3).requires_grad_()).requires_grad


def test_importing_the_package_does_not_import_torchjd():
    code = "import sys, fundus_mtl.aggregation; print('torchjd' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )
