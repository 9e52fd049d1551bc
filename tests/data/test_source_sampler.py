from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fundus_mtl.data import SourceSampler

ITEMS = [{"id": str(k), "source": source} for k, source in enumerate("aaaaaaaabbc")]


def drawn(sampler, seed=0):
    sampler.generator = torch.Generator().manual_seed(seed)
    return list(sampler)


def sources(rows):
    return "".join(ITEMS[row]["source"] for row in rows)


def test_shares_by_hand():
    sampler = SourceSampler(ITEMS, {"a": 2, "b": 1, "c": 1}, samples=40)
    rows = drawn(sampler)
    assert len(sampler) == len(rows) == 40
    assert Counter(sources(rows)) == {"a": 20, "b": 10, "c": 10}
    assert Counter(rows)[10] == 10  # c's only one
    assert {Counter(rows)[row] for row in (8, 9)} == {5}
    assert {Counter(rows)[row] for row in range(8)} <= {2, 3}  # all once before one again


def test_sources_are_spread_over_the_epoch():
    """A quarter of the epoch holds about a quarter of each source: at most one more or less."""
    rows = drawn(SourceSampler(ITEMS, {"a": 2, "b": 1, "c": 1}, samples=80))
    for start in range(0, 80, 20):
        counts = Counter(sources(rows[start : start + 20]))
        assert abs(counts["a"] - 10) <= 2
        assert abs(counts["b"] - 5) <= 2


def test_the_order_follows_the_generator():
    sampler = SourceSampler(ITEMS, {"a": 1, "b": 1, "c": 1})
    assert drawn(sampler, 1) == drawn(sampler, 1)
    assert drawn(sampler, 1) != drawn(sampler, 2)
    assert len(sampler) == len(ITEMS)


def test_a_weight_of_zero_leaves_a_source_out():
    assert set(sources(drawn(SourceSampler(ITEMS, {"a": 0, "b": 3, "c": 1})))) == {"b", "c"}


def test_another_key():
    items = [{"id": str(k), "camera": camera} for k, camera in enumerate("xxxy")]
    rows = drawn(SourceSampler(items, {"x": 1, "y": 1}, samples=6, key="camera"))
    assert Counter(items[row]["camera"] for row in rows) == {"x": 3, "y": 3}


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), st.integers(0, 60))
def test_property_shares(weights, samples):
    sampler = SourceSampler(ITEMS, dict(zip("abc", weights, strict=True)), samples=samples)
    counts = Counter(sources(drawn(sampler)))
    assert sum(counts.values()) == samples
    for source, weight in zip("abc", weights, strict=True):
        assert abs(counts[source] - weight / sum(weights) * samples) < 1 + 1e-6


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"a weight for each of \['a', 'b', 'c'\], but got \['a', 'b', 'd'\]"):
        SourceSampler(ITEMS, {"a": 1, "b": 1, "d": 1})
    for weights in ({"a": 1, "b": -1, "c": 1}, {"a": 0, "b": 0, "c": 0}):
        with pytest.raises(ValueError, match="expected positive numbers, or 0"):
            SourceSampler(ITEMS, weights)
    with pytest.raises(ValueError, match="7: expected a source, but got none"):
        SourceSampler([{"id": "7"}], {"a": 1})
    with pytest.raises(ValueError, match="expected positive numbers"):
        SourceSampler([], {})
