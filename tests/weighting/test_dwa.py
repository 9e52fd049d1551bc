from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor
from torch.testing import assert_close

from fundus_mtl.weighting import DWA, Sum


def batch(values, dtype=torch.float64):
    return {name: tensor(value, dtype=dtype, requires_grad=True) for name, value in values.items() if value is not None}


def epochs(weighting, *means):
    for values in means:
        weighting.start_epoch()
        weighting(batch(values))
    weighting.start_epoch()
    return weighting


def test_by_hand():
    """Rates 1, 1/2 and 2 at temperature 1/log 4: powers 4, 2 and 16."""
    weighting = epochs(DWA(temperature=1 / math.log(4)), {"a": 3.0, "b": 4.0, "c": 1.0}, {"a": 3.0, "b": 2.0, "c": 2.0})
    assert weighting.weights == pytest.approx({"a": 12 / 22, "b": 6 / 22, "c": 48 / 22})
    losses = batch({"a": 1.0, "b": 10.0, "c": 100.0})
    total = weighting(losses)
    total.backward()
    assert total.item() == pytest.approx((12 + 60 + 4800) / 22)
    assert losses["c"].grad.item() == pytest.approx(48 / 22)


def test_against_numpy_over_epochs_of_several_iterations():
    """The oracle keeps whole epochs of losses and follows equation 7; task c has a label in every second batch only."""
    generator = np.random.default_rng(0)
    table = generator.uniform(0.1, 5.0, size=(5, 6, 3))
    weighting = DWA(temperature=1.7)
    for epoch in range(5):
        weighting.start_epoch()
        expected = np.ones(3)
        if epoch >= 2:
            means = [
                np.array([table[e, :, 0].mean(), table[e, :, 1].mean(), table[e, ::2, 2].mean()])
                for e in (epoch - 1, epoch - 2)
            ]
            powers = np.exp(means[0] / means[1] / 1.7)
            expected = 3 * powers / powers.sum()
        for step in range(6):
            present = [0, 1, 2] if step % 2 == 0 else [0, 1]
            losses = batch({"abc"[k]: table[epoch, step, k] for k in present})
            assert weighting(losses).item() == pytest.approx(sum(expected[k] * table[epoch, step, k] for k in present))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_first_two_epochs_are_the_plain_sum(dtype):
    weighting = DWA()
    for step in range(6):
        if step % 3 == 0:
            weighting.start_epoch()
        losses = batch({"a": 0.1 * step, "b": 2.0, "c": 3.3}, dtype)
        assert_close(weighting(losses), Sum()(losses), rtol=0, atol=0)


def test_one_task_is_its_plain_loss():
    weighting = epochs(DWA(), {"a": 3.0}, {"a": 0.7}, {"a": 0.3})
    assert weighting({"a": tensor(0.3)}).item() == tensor(0.3).item()


@settings(deadline=None, derandomize=True)
@given(
    rows=st.lists(st.tuples(*[st.floats(0, 1e30) | st.none()] * 3), min_size=2, max_size=5),
    temperature=st.sampled_from([1e-3, 2.0, 1e3]),
)
def test_weights_are_finite_and_add_up_to_the_tasks(rows, temperature):
    weighting = epochs(
        DWA(temperature), *[dict(zip("abc", row, strict=True)) for row in rows if any(v is not None for v in row)]
    )
    weights = weighting.weights
    assert all(math.isfinite(weight) and weight >= 0 for weight in weights.values())
    assert sum(weights.values()) == pytest.approx(len(weights))


def test_the_slow_task_gains_weight_and_order_does_not_matter():
    first, second = {"slow": 1.0, "fast": 1.0, "middle": 1.0}, {"slow": 0.9, "fast": 0.1, "middle": 0.5}
    weights = epochs(DWA(), first, second).weights
    assert weights["slow"] > weights["middle"] > weights["fast"]
    turned = epochs(DWA(), dict(reversed(first.items())), dict(reversed(second.items()))).weights
    assert turned == pytest.approx(weights)


def test_a_common_scale_does_not_matter():
    rows = {"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 0.5, "b": 0.2, "c": 3.0}
    scaled = [{name: 1024 * value for name, value in row.items()} for row in rows]
    assert epochs(DWA(), *scaled).weights == epochs(DWA(), *rows).weights


def test_a_task_without_a_label_in_an_epoch_keeps_its_history():
    weighting = epochs(DWA(), {"a": 4.0, "b": 1.0}, {"a": 2.0, "b": 1.0}, {"b": 1.0})
    assert weighting.weights == pytest.approx(epochs(DWA(), {"a": 4.0, "b": 1.0}, {"a": 2.0, "b": 1.0}).weights)
    # Back again, its latest mean is compared with the last one it had.
    weighting(batch({"a": 1.0, "b": 1.0}))
    weighting.start_epoch()
    assert weighting.state_dict()["means"]["a"] == [2.0, 1.0]


def test_a_new_task_weighs_one_until_it_has_two_means():
    weighting = epochs(DWA(), {"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.5, "new": 7.0})
    assert set(weighting.weights) == {"a", "b"}
    assert sum(weighting.weights.values()) == pytest.approx(2)
    assert weighting(batch({"new": 5.0})).item() == 5.0


@pytest.mark.parametrize("before, latest", [(0.0, 0.0), (0.0, 1.0), (1e-320, 1e30)])
def test_a_rate_that_is_not_known_counts_as_one(before, latest):
    weights = epochs(DWA(), {"a": before, "b": 1.0, "c": 1.0}, {"a": latest, "b": 1.0, "c": 1.0}).weights
    assert weights == pytest.approx({"a": 1.0, "b": 1.0, "c": 1.0})


def test_a_loss_that_is_not_finite_is_not_part_of_the_mean():
    weighting = DWA()
    for value in (1.0, math.nan, 3.0, math.inf):
        weighting(batch({"a": value, "b": math.nan}))
    weighting.start_epoch()
    assert weighting.state_dict() == {"means": {"a": [2.0]}, "running": {}}


def test_float32_losses_are_summed_in_float64():
    weighting = DWA()
    for value in (1e8, 1.0, 1.0, 1.0):
        weighting(batch({"a": value}, torch.float32))
    weighting.start_epoch()
    assert weighting.state_dict()["means"]["a"] == [(1e8 + 3) / 4]


@pytest.mark.parametrize("stop", range(1, 12))
def test_resume_is_bit_exact_within_and_at_the_end_of_an_epoch(stop):
    """Four epochs of three iterations; stopped after ``stop`` of them, before the next epoch is begun."""
    table = torch.rand(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def run(weighting, steps):
        totals = []
        for step in steps:
            if step % 3 == 0:
                weighting.start_epoch()
            totals.append(weighting(dict(zip("abc", table[step], strict=True))).item())
        return totals

    whole = run(DWA(), range(12))
    first = DWA()
    start = run(first, range(stop))
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    run(first, range(stop, 12))  # what was saved does not follow
    file.seek(0)
    resumed = DWA()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert start + run(resumed, range(stop, 12)) == whole


def test_a_state_is_a_snapshot():
    weighting = epochs(DWA(), {"a": 1.0}, {"a": 1.0})
    state = weighting.state_dict()
    epochs(weighting, {"a": 5.0})
    assert state == {"means": {"a": [1.0, 1.0]}, "running": {}}
    DWA().load_state_dict(state)


def test_no_graph_is_kept():
    weighting = DWA()
    loss = tensor(2.0, requires_grad=True)
    weighting({"a": loss * 3})
    assert not weighting._running["a"].requires_grad


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_the_temperature_is_positive(temperature):
    with pytest.raises(ValueError, match="temperature of DWA: expected more than 0"):
        DWA(temperature)
