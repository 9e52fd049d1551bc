from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.losses import divergence_from, log_outcomes


def logit(*probabilities):
    p = torch.tensor(probabilities, dtype=torch.float64)
    return (p / (1 - p)).log()


def test_bernoulli_by_hand():
    """Predictions 0.5 and 0.9 of one sample, their mean 0.7; both outcomes count."""
    samples = [logit(0.5).reshape(1, 1), logit(0.9).reshape(1, 1)]
    first = 0.5 * math.log(0.5 / 0.7) + 0.5 * math.log(0.5 / 0.3)
    second = 0.9 * math.log(0.9 / 0.7) + 0.1 * math.log(0.1 / 0.3)
    assert divergence_from(samples, "sigmoid").item() == pytest.approx((first + second) / 2)


def test_categorical_by_hand_from_a_clean_prediction():
    one, clean = torch.tensor([[0.2, 0.3, 0.5]]).double(), torch.tensor([[0.6, 0.2, 0.2]]).double()
    expected = sum(p * math.log(p / q) for p, q in zip([0.2, 0.3, 0.5], [0.6, 0.2, 0.2], strict=True))
    assert divergence_from([one.log()], "softmax", clean.log()).item() == pytest.approx(expected)


def test_it_is_scipys_entropy_and_the_mean_over_pixels():
    from scipy.stats import entropy

    generator = torch.Generator().manual_seed(0)
    samples = [torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(3)]
    probabilities = torch.stack([s.softmax(dim=1) for s in samples]).numpy()
    expected = entropy(probabilities, probabilities.mean(axis=0, keepdims=True), axis=2).mean()
    assert divergence_from(samples, "softmax").item() == pytest.approx(expected)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_one_sample_equals_its_mean(activation):
    assert divergence_from([torch.randn(4, 3, 2)], activation).item() == pytest.approx(0, abs=1e-7)


def test_detaching_the_mean_changes_no_gradient():
    """The extra term is constant over outcomes, which sum to one."""
    samples = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    whole = torch.autograd.grad(divergence_from(samples, "softmax"), samples)
    mean = torch.stack([s.softmax(dim=1) for s in samples]).mean(dim=0).log()
    detached = torch.autograd.grad(divergence_from(samples, "softmax", mean), samples)
    assert_close(whole, detached)


def test_a_reference_is_a_constant():
    sample, clean = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
    divergence_from([sample], "sigmoid", clean).backward()
    assert sample.grad.abs().sum() > 0
    assert clean.grad is None


def test_huge_and_half_logits_stay_finite():
    samples = [torch.tensor([[500.0, -500.0]]).half(), torch.tensor([[-500.0, 500.0]]).half()]
    for activation in ("softmax", "sigmoid"):
        assert divergence_from(samples, activation).item() == pytest.approx(math.log(2), rel=1e-4)


def test_activations_without_probabilities_raise():
    with pytest.raises(ValueError, match="expected softmax or sigmoid, but got 'none'"):
        log_outcomes(torch.zeros(1, 1), "none")
