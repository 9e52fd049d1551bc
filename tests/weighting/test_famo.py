from __future__ import annotations

import io
import math

import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.weighting import FAMO, Sum

NAMES = ("a", "b", "c")


def losses(*values, names=NAMES, dtype=torch.float64):
    return {name: tensor(value, dtype=dtype, requires_grad=True) for name, value in zip(names, values, strict=True)}


def weights_of(weighting, batch):
    return torch.stack(torch.autograd.grad(weighting(batch), list(batch.values()))).tolist()


def test_the_first_weights_by_hand():
    """Equal logits: weights in the ratio 1 : 1/2 : 1/4, which add up to three."""
    assert weights_of(FAMO(), losses(1.0, 2.0, 4.0)) == pytest.approx([12 / 7, 6 / 7, 3 / 7])


def test_the_first_step_of_the_logits_by_hand():
    """Losses divided by e, e^2 and e^6: slopes 1/3 (1 - 3), 1/3 (2 - 3) and 1/3 (6 - 3), of which Adam keeps the sign."""
    weighting = FAMO(lr=0.1, decay=0.0)
    weighting(losses(1.0, 2.0, 4.0))
    weighting.after_step(losses(math.exp(-1), 2 * math.exp(-2), 4 * math.exp(-6)))
    assert weighting.logits == pytest.approx({"a": 0.1, "b": 0.1, "c": -0.1})
    state = weighting.state_dict()["states"]
    assert [state[name][1] for name in NAMES] == pytest.approx([-0.2 / 3, -0.1 / 3, 0.1])
    assert [state[name][2] for name in NAMES] == pytest.approx([4e-3 / 9, 1e-3 / 9, 1e-3])
    assert state["a"][3] == 1


def oracle(network, image, labels, steps, lr):
    """The authors' formulas with torch's autograd and Adam; the loss times the number of tasks, for the sum scale."""
    logits = nn.Parameter(torch.zeros(len(labels), dtype=torch.float64))
    of_logits = torch.optim.Adam([logits], lr=0.025, weight_decay=0.01)
    of_network = torch.optim.SGD(network.parameters(), lr=lr)
    for _ in range(steps):
        before = (network(image) - labels.T).square().mean(0)
        shares = logits.detach().softmax(0)
        constant = (shares / before).sum().detach()
        of_network.zero_grad()
        (len(labels) * (before.log() * shares / constant).sum()).backward()
        of_network.step()
        with torch.no_grad():
            delta = before.log() - (network(image) - labels.T).square().mean(0).log()
        (logits.grad,) = torch.autograd.grad(logits.softmax(0), logits, grad_outputs=delta)
        of_logits.step()
    return logits.tolist()


def test_against_the_authors_formulas_over_many_steps():
    torch.manual_seed(0)
    image, labels = torch.randn(12, 4, dtype=torch.float64), torch.randn(3, 12, dtype=torch.float64)
    labels *= tensor([[0.1], [1.0], [10.0]])
    networks = [nn.Linear(4, 3, dtype=torch.float64) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    expected = oracle(networks[0], image, labels, 20, 1e-3)
    weighting, optimizer = FAMO(), torch.optim.SGD(networks[1].parameters(), lr=1e-3)

    def found():
        return dict(zip(NAMES, (networks[1](image) - labels.T).square().mean(0), strict=True))

    for _ in range(20):
        optimizer.zero_grad()
        weighting(found()).backward()
        optimizer.step()
        weighting.after_step(found())
    assert_close(networks[1].weight, networks[0].weight, rtol=1e-10, atol=1e-12)
    assert list(weighting.logits.values()) == pytest.approx(expected, rel=1e-9)
    assert any(abs(value) > 0.1 for value in expected)


def test_the_task_that_lags_gains_weight():
    weighting = FAMO()
    for _ in range(10):
        weighting(losses(1.0, 1.0, 1.0))
        weighting.after_step(losses(0.5, 0.9, 0.99))
    a, b, c = weights_of(weighting, losses(1.0, 1.0, 1.0))
    assert a < b < c
    assert a + b + c == pytest.approx(3)


@pytest.mark.parametrize("scale", [1024.0, 1e-30, 1e200])
def test_a_common_scale_of_the_losses_has_no_effect(scale):
    plain, scaled = FAMO(), FAMO()
    for value in (1.0, 0.7, 0.1):
        one, other = ([value * f * s for f in (1.0, 3.0, 9.0)] for s in (1.0, scale))
        assert weights_of(scaled, losses(*other)) == pytest.approx(weights_of(plain, losses(*one)))
        plain.after_step(losses(*[v * f for v, f in zip(one, (0.9, 0.5, 1.1), strict=True)]))
        scaled.after_step(losses(*[v * f for v, f in zip(other, (0.9, 0.5, 1.1), strict=True)]))
    assert scaled.logits == pytest.approx(plain.logits)


def test_equal_losses_start_as_the_plain_sum_and_one_task_is_its_loss():
    batch = losses(2.0, 2.0, 2.0)
    assert_close(FAMO()(batch), Sum()(batch))
    assert FAMO()({"a": tensor(0.3)}).item() == tensor(0.3).item()


def test_a_missing_task_keeps_its_logit_and_has_no_influence():
    with_it, without = FAMO(), FAMO()
    for weighting, names in ((with_it, "abc"), (without, "ac")):
        if names == "abc":
            weighting._states["b"] = tensor([0.7, 0.1, 0.2, 3.0], dtype=torch.float64)
        for _ in range(3):
            weighting(losses(1.0, 2.0, names="ac"))
            weighting.after_step(losses(0.5, 1.9, names="ac"))
    assert with_it.logits.pop("b") == 0.7
    assert {name: with_it.logits[name] for name in "ac"} == without.logits


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_loss_without_a_logarithm_weighs_one_and_moves_no_logit(bad):
    weighting, plain = FAMO(), FAMO()
    a, b, c = weights_of(weighting, losses(1.0, bad, 3.0))
    assert [a, c] == pytest.approx(weights_of(plain, losses(1.0, 3.0, names="ac")))
    assert b == 1.0
    weighting.after_step(losses(0.5, 1.0, 2.0))
    plain.after_step(losses(0.5, 2.0, names="ac"))
    assert weighting.logits == {**plain.logits, "b": 0.0}
    weighting(losses(1.0, 1.0, 1.0))
    weighting.after_step(losses(0.5, bad, 0.5))
    assert weighting.logits["b"] == 0.0
    assert all(math.isfinite(value) for value in weighting.logits.values())


def test_nothing_but_bad_losses():
    weighting = FAMO()
    assert weights_of(weighting, losses(0.0, 0.0, 0.0)) == [1.0, 1.0, 1.0]
    weighting.after_step(losses(0.0, 0.0, 0.0))
    weighting.after_step({})
    assert set(weighting.logits.values()) <= {0.0}


@pytest.mark.parametrize("stop", [0, 1, 4])
def test_resume_is_bit_exact(stop):
    table = torch.rand(8, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1

    def run(weighting, rows):
        found = []
        for before, after in rows:
            found.append(weighting(dict(zip(NAMES, before, strict=True))).item())
            weighting.after_step(dict(zip(NAMES, after, strict=True)))
        return found

    whole, first = run(FAMO(), table), FAMO()
    start = run(first, table[:stop])
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    run(first, table[stop:])  # the saved state must not follow
    file.seek(0)
    resumed = FAMO()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert start + run(resumed, table[stop:]) == whole


@pytest.mark.parametrize(
    "options, message",
    [
        ({"lr": -1.0}, "lr of FAMO: expected at least 0, but got -1.0"),
        ({"decay": math.nan}, "decay of FAMO: expected at least 0, but got nan"),
        ({"betas": (0.9, 1.0)}, "betas of FAMO: expected two numbers from 0 to below 1"),
    ],
)
def test_wrong_use_raises(options, message):
    with pytest.raises(ValueError, match=message):
        FAMO(**options)
