from __future__ import annotations

import copy
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.weighting import GradNorm


def scalars(values, dtype=torch.float64):
    return {name: tensor(value, dtype=dtype, requires_grad=True) for name, value in values.items()}


def call(weighting, losses, norms):
    return weighting(scalars(losses), scalars(norms))


def test_by_hand():
    """First call: every rate is 1, the mean norm 2, so that c falls and a and b rise; the sum is 3 before renormalising.

    w = (1 + .1 * 1, 1 + .1 * 1, 1 - .1 * 4), times 3 / 2.8.
    """
    weighting = GradNorm(alpha=1.0, lr=0.1)
    losses = scalars({"a": 1.0, "b": 10.0, "c": 100.0})
    total = weighting(losses, scalars({"a": 1.0, "b": 1.0, "c": 4.0}))
    total.backward()
    assert total.item() == 111.0  # weighed by the weights before the update, as in algorithm 1
    assert losses["c"].grad.item() == 1.0
    assert weighting.weights == pytest.approx({"a": 3.3 / 2.8, "b": 3.3 / 2.8, "c": 1.8 / 2.8})
    assert call(weighting, {"a": 1.0, "b": 0.0, "c": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0}).item() == pytest.approx(
        5.1 / 2.8
    )


def reference(table, norms, alpha, lr):
    """Equations 1-2 and algorithm 1 by NumPy, a row per iteration; NaN where a task is absent."""
    weights, initial, history = np.ones(table.shape[1]), np.full(table.shape[1], np.nan), []
    for row, norm in zip(table, norms, strict=True):
        there = ~np.isnan(row)
        history.append(weights.copy())
        initial = np.where(np.isnan(initial), row, initial)
        ratio = (row / initial)[there]
        rates = ratio / ratio.mean()
        g = weights[there] * norm[there]
        target = g.mean() * rates**alpha
        moved = np.maximum(weights[there] - lr * np.sign(g - target) * norm[there], 1e-3)
        weights[there] = moved * weights[there].sum() / moved.sum()
    return history, weights


@pytest.mark.parametrize("alpha", [0.0, 0.12, 1.5])
def test_against_numpy_with_tasks_missing_here_and_there(alpha):
    generator = np.random.default_rng(0)
    table, norms = generator.uniform(0.1, 2.0, (40, 4)), generator.uniform(0.01, 3.0, (40, 4))
    table[1::3, 1] = np.nan
    table[::2, 3] = np.nan
    weighting = GradNorm(alpha=alpha)
    history, final = reference(table, norms, alpha, 0.025)
    for row, norm, weights in zip(table, norms, history, strict=True):
        there = [k for k in range(4) if not math.isnan(row[k])]
        total = call(weighting, {str(k): row[k] for k in there}, {str(k): norm[k] for k in there})
        assert total.item() == pytest.approx(sum(weights[k] * row[k] for k in there))
    assert weighting.weights == pytest.approx({str(k): final[k] for k in range(4)})


def test_the_closed_form_is_the_gradient_by_double_backward():
    """Algorithm 1 on a network, differentiating the norms themselves with respect to the weights."""
    torch.manual_seed(0)
    layer, heads = nn.Linear(5, 4).double(), [nn.Linear(4, 1).double() for _ in range(3)]
    weighting, w = GradNorm(alpha=1.5, lr=0.05), torch.ones(3, dtype=torch.float64, requires_grad=True)
    initial = None
    for _ in range(4):
        x = torch.randn(8, 5, dtype=torch.float64)
        features = layer(x).tanh()
        losses = torch.stack([10.0**k * head(features).square().mean() for k, head in enumerate(heads)])
        initial = losses.detach() if initial is None else initial
        shared = [torch.autograd.grad(w[k] * losses[k], layer.weight, create_graph=True)[0].norm() for k in range(3)]
        norms = torch.stack(shared)
        rates = (losses / initial).detach()
        target = (norms.mean() * (rates / rates.mean()) ** 1.5).detach()
        (slope,) = torch.autograd.grad((norms - target).abs().sum(), w, retain_graph=True)
        raw = {str(k): torch.autograd.grad(losses[k], layer.weight, retain_graph=True)[0].norm() for k in range(3)}
        weighting({str(k): losses[k] for k in range(3)}, raw)
        moved = (w - 0.05 * slope).detach().clamp(min=1e-3)
        w = (3 * moved / moved.sum()).requires_grad_()
        assert_close(tensor(list(weighting.weights.values()), dtype=torch.float64), w.detach())
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter -= 0.1 * torch.randn_like(parameter)


def test_the_slow_task_gains_weight():
    """Equal norms; the loss of ``slow`` has hardly fallen. The inverse sign of alpha would starve it."""
    weighting = GradNorm(alpha=1.5)
    norms = {"slow": 1.0, "middle": 1.0, "fast": 1.0}
    call(weighting, {"slow": 4.0, "middle": 2.0, "fast": 8.0}, norms)
    assert weighting.weights == pytest.approx({"slow": 1.0, "middle": 1.0, "fast": 1.0})
    call(weighting, {"slow": 3.6, "middle": 1.0, "fast": 0.8}, norms)
    weights = weighting.weights
    assert weights["slow"] > 1 > weights["fast"]


def test_equal_tasks_keep_weight_one():
    weighting = GradNorm()
    for value in (3.0, 2.0, 1.5, 0.1):
        call(weighting, dict.fromkeys("abc", value), dict.fromkeys("abc", value / 3))
        assert weighting.weights == pytest.approx(dict.fromkeys("abc", 1.0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_one_task_is_its_plain_loss(dtype):
    weighting = GradNorm()
    for value in (3.0, 0.7, 0.1):
        total = weighting(scalars({"a": value}, dtype), scalars({"a": 5 * value}, dtype))
        assert total.dtype == dtype
        assert total.item() == tensor(value, dtype=dtype).item()


@settings(deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(*[st.tuples(st.floats(0, 1e6), st.floats(0, 1e6))] * 3), min_size=1, max_size=6),
    normalise=st.booleans(),
)
def test_weights_stay_positive_and_add_up_to_the_tasks(rows, normalise):
    weighting = GradNorm(normalise=normalise)
    for row in rows:
        call(
            weighting,
            {n: v[0] for n, v in zip("abc", row, strict=True)},
            {n: v[1] for n, v in zip("abc", row, strict=True)},
        )
    weights = weighting.weights.values()
    assert all(0 < weight < math.inf for weight in weights)
    assert sum(weights) == pytest.approx(3)


def test_the_order_does_not_matter():
    results = []
    for names in ("abc", "cab"):
        weighting = GradNorm()
        for step in range(5):
            losses = {name: 1.0 + ord(name) % 7 + step * (ord(name) % 3) for name in names}
            call(weighting, losses, {name: 0.3 * ord(name) % 5 for name in names})
        results.append(weighting.weights)
    assert results[1] == pytest.approx(results[0])


def test_absent_tasks_stay_and_a_new_one_enters_with_one():
    weighting = GradNorm(alpha=0.0, lr=0.1)
    call(weighting, dict.fromkeys("abc", 1.0), {"a": 1.0, "b": 2.0, "c": 3.0})
    before = weighting.weights
    call(weighting, {"a": 1.0, "c": 1.0}, {"a": 1.0, "c": 3.0})
    after = weighting.weights
    assert after["b"] == before["b"]
    assert after["a"] != before["a"]
    assert after["a"] + after["c"] == pytest.approx(before["a"] + before["c"])
    assert call(weighting, {"new": 5.0}, {"new": 1.0}).item() == 5.0
    assert sum(weighting.weights.values()) == pytest.approx(4)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("where", ["loss", "norm"])
@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_overflow_moves_nothing(bad, where, alpha):
    weighting, untouched = GradNorm(alpha), GradNorm(alpha)
    good = ({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "c": 3.0})
    broken = copy.deepcopy(good)
    broken[where == "norm"]["b"] = bad
    for one in (weighting, untouched):
        call(one, *good)
    call(weighting, *broken)
    assert weighting.state_dict() == untouched.state_dict()


def test_no_gradient_at_all_moves_nothing():
    weighting = GradNorm(normalise=True)
    call(weighting, {"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.0, "b": 0.0, "c": 0.0})
    assert weighting.weights == dict.fromkeys("abc", 1.0)


def test_rates_that_are_not_defined_move_nothing():
    """The 1.5th power of a negative rate, and the rate of nothing but zeros."""
    weighting = GradNorm()
    call(weighting, {"a": 1.0, "b": 1.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "c": 3.0})
    before = weighting.weights
    for value in (-0.5, 0.0):
        call(weighting, {"a": value, "b": -value, "c": 0.0}, {"a": 1.0, "b": 2.0, "c": 3.0})
        assert weighting.weights == before


def test_float32_losses_move_weights_in_float64():
    results = []
    for dtype in (torch.float32, torch.float64):
        weighting = GradNorm()
        for value in (1.0, 0.5, 0.25):
            norms = {"a": value, "b": 2.0, "c": 3.0}
            weighting(scalars({"a": value, "b": 2.0, "c": value}, dtype), scalars(norms, dtype))
        results.append(weighting.weights)
    assert results[0] == results[1]


def test_the_initial_loss_is_the_first_finite_one():
    weighting = GradNorm()
    for value in (math.inf, math.nan, 7.0, 5.0):
        call(weighting, {"a": value, "b": 1.0}, {"a": 1.0, "b": 1.0})
    assert weighting.state_dict()["initial"] == {"a": 7.0, "b": 1.0}


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0), (0.0, 1.0, 2.0)])
def test_zeros_give_no_nan(values):
    weighting = GradNorm()
    for losses in (dict(zip("abc", values, strict=True)), dict.fromkeys("abc", 3.0), dict.fromkeys("abc", 0.0)):
        assert math.isfinite(call(weighting, losses, {"a": 1.0, "b": 0.0, "c": 2.0}).item())
        assert sum(weighting.weights.values()) == pytest.approx(3)
    # The clamp and zero rates have not stopped it: the largest norm has lost weight.
    assert weighting.weights["c"] < weighting.weights["b"]


def test_an_initial_zero_counts_as_the_average_of_what_is_left():
    """By hand: what is left is 1 (unknown), 1/2, 3/2; mean 1; alpha 1: targets 1, 1/2, 3/2 of the mean norm 1."""
    weighting = GradNorm(alpha=1.0, lr=0.1)
    call(weighting, {"a": 0.0, "b": 2.0, "c": 2.0}, {"a": 1.0, "b": 1.0, "c": 1.0})
    call(weighting, {"a": 9.0, "b": 1.0, "c": 3.0}, {"a": 1.0, "b": 1.0, "c": 1.0})
    assert weighting.weights == pytest.approx({"a": 1.0, "b": 0.9, "c": 1.1})


def test_a_weight_never_leaves_zero_behind():
    weighting = GradNorm(alpha=0.0, lr=1.0)
    call(weighting, dict.fromkeys("abc", 1.0), {"a": 1.0, "b": 1.0, "c": 1e9})
    weights = weighting.weights
    assert 0 < weights["c"] <= 1e-3
    assert sum(weights.values()) == pytest.approx(3)


def test_normalised_it_does_not_see_the_losses_common_scale():
    results = {}
    for normalise in (False, True):
        for scale in (1.0, 1024.0):
            weighting = GradNorm(normalise=normalise)
            for step in range(4):
                losses = {"a": scale * (3 - step * 0.1), "b": scale * (2 - step * 0.4), "c": scale}
                call(weighting, losses, {"a": scale * 0.1, "b": scale * 0.2, "c": scale * 0.3})
            results[normalise, scale] = weighting.weights
    assert results[True, 1024.0] == pytest.approx(results[True, 1.0])
    assert results[False, 1024.0] != pytest.approx(results[False, 1.0])  # the step of the paper depends on the scale
    # By hand: the mean norm is .2, so that in units of it the first slopes are -1/2, sign(0) and 3/2.
    weighting = GradNorm(alpha=0.0, lr=0.1, normalise=True)
    call(weighting, dict.fromkeys("abc", 1.0), {"a": 1.0, "b": 2.0, "c": 3.0})
    assert weighting.weights == pytest.approx({"a": 1.05 * 3 / 2.9, "b": 3 / 2.9, "c": 0.85 * 3 / 2.9})


def test_resume_is_bit_exact():
    table = torch.rand(10, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def run(weighting, steps):
        return [
            weighting(
                dict(zip("abc", table[s, :, 0], strict=True)), dict(zip("abc", table[s, :, 1], strict=True))
            ).item()
            for s in steps
        ]

    whole = run(GradNorm(), range(10))
    first = GradNorm()
    start = run(first, range(4))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed = GradNorm()
    run(resumed, range(2))  # what was there before a load is forgotten
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert start + run(resumed, range(4, 10)) == whole
    assert start + run(copy.deepcopy(first), range(4, 10)) == whole


def test_a_load_forgets_the_tasks_it_does_not_name():
    weighting = GradNorm()
    call(weighting, {"z": 1.0}, {"z": 1.0})
    weighting.load_state_dict(GradNorm().state_dict())
    assert weighting.state_dict() == {"weights": {}, "initial": {}}


@pytest.mark.parametrize("norms", [None, {}, {"a": tensor(1.0)}])
def test_missing_norms_raise(norms):
    weighting = GradNorm()
    with pytest.raises(ValueError, match=r"expected a gradient norm for each of .* but got none for .*'b'"):
        weighting({"a": tensor(1.0), "b": tensor(1.0)}, norms)
    assert weighting.weights == {}


@pytest.mark.parametrize("wrong", [{"alpha": -1.0}, {"lr": -0.1}, {"lr": math.nan}])
def test_arguments_out_of_range_raise(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} of GradNorm: expected at least 0"):
        GradNorm(**wrong)
