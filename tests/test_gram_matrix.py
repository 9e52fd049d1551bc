"""Dot products of long gradients: float32 blocks where they are precise enough, float64 elsewhere."""

from __future__ import annotations

import pytest
import torch

from fundus_mtl import gram_matrix
from fundus_mtl.aggregation import MAMG, MGDA, CAGrad, PCGrad
from fundus_mtl.gram_matrix import LARGE, gram, is_certain, matrix_gram

WIDTH = LARGE + 4321  # no multiple of a block
RULES = {"PCGrad": PCGrad, "MGDA": MGDA, "CAGrad": CAGrad, "MAMG": MAMG}


def exact(matrix):
    return matrix.double() @ matrix.double().T


def cosines(found):
    lengths = found.diagonal().sqrt()
    return found / lengths / lengths[:, None]


def rows_of(matrix):
    """The same rows as tensors of different shapes, some smaller and one larger than a chunk."""
    sizes = [3 * 5 * 7 * 9, 1, 70_000, 0]
    sizes.append(matrix.shape[1] - sum(sizes))
    shapes = [(3, 5, 7, 9), (1,), (70, 1000), (0, 4), (-1,)]
    return [[part.reshape(shape) for part, shape in zip(row.split(sizes), shapes, strict=True)] for row in matrix]


def channels_last(rows):
    return [[t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for t in row] for row in rows]


@pytest.fixture
def in_float64(monkeypatch):
    """Count the products in float64 of more than a block."""
    calls = []
    original = gram_matrix._products

    def counted(matrix):
        if matrix.shape[1] >= gram_matrix.BLOCK:
            calls.append(matrix.shape[1])
        return original(matrix)

    monkeypatch.setattr(gram_matrix, "_products", counted)
    return calls


def test_gram_by_hand_and_in_float64():
    rows = [[torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])], [torch.tensor([-1.0, 0.0]), torch.tensor([[2.0]])]]
    assert gram(rows).tolist() == [[14, 5], [5, 5]]
    assert gram(rows).dtype == torch.float64
    # 4097**2 has 25 bits: float32 would round it.
    assert gram([[torch.tensor([4097.0])]]).item() == 4097**2
    assert matrix_gram(torch.tensor([[4097.0]])).item() == 4097**2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_both_forms_are_the_products_of_float64(tasks, dtype):
    matrix = torch.randn(tasks, WIDTH, generator=torch.Generator().manual_seed(tasks)).to(dtype)
    for found in (matrix_gram(matrix), gram(rows_of(matrix)), gram(channels_last(rows_of(matrix)))):
        assert found.dtype == torch.float64
        difference = (found - exact(matrix)) / exact(matrix).diagonal().max()
        assert difference.abs().max() < 3e-8


@pytest.mark.parametrize("form", [matrix_gram, lambda m: gram(rows_of(m))], ids=["matrix", "rows"])
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e-8, 1.0, 1e8, 1e14, 1e30])
def test_scales_neither_underflow_nor_overflow(scale, form):
    """Products of 1e-30 are 0 in float32, and those of 1e30 infinite."""
    matrix = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(0)) * scale
    torch.testing.assert_close(cosines(form(matrix)), cosines(exact(matrix)), rtol=0, atol=3e-8)


@pytest.mark.parametrize("form", [matrix_gram, lambda m: gram(rows_of(m))], ids=["matrix", "rows"])
def test_what_float32_cannot_decide_is_computed_in_float64(form, in_float64):
    g = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(1))
    orthogonal = noise - g * (g.double() @ noise.double().T / (g.double() @ g.double().T)).float()
    independent = torch.cat([g, noise + 0.3 * g])
    form(independent)
    assert not in_float64
    for unsure in (
        torch.cat([g, -g]),  # a hull that contains zero
        torch.cat([g, g + 1e-3 * noise]),  # nearly parallel
        torch.cat([g, noise, -(g + noise)]),  # the sum is zero
        torch.cat([g, orthogonal]),  # the sign of the cosine
        torch.cat([g, 0 * g]),
        independent * 1e-25,
        independent * 1e25,
    ):
        in_float64.clear()
        found = form(unsure)
        assert in_float64
        torch.testing.assert_close(found, exact(unsure), rtol=1e-12, atol=1e-12 * float(exact(unsure).max()))


def test_nan_and_infinity_are_seen():
    for broken in (float("nan"), float("inf")):
        matrix = torch.randn(2, WIDTH)
        matrix[1, 77_777] = broken
        found = gram(rows_of(matrix))
        assert found[0, 0].isfinite()
        assert not found[1, 1].isfinite()
        assert not found[0, 1].isfinite()
        assert not matrix_gram(matrix)[1, 1].isfinite()


@pytest.mark.parametrize("tasks", [2, 3, 8])
@pytest.mark.parametrize("spread", [0.0, 4.0])
@pytest.mark.parametrize("rule", RULES)
def test_updates_are_those_of_float64(rule, spread, tasks):
    """Also if few coordinates dominate (log-normal sizes), with conflicts, and with tasks of very different sizes."""
    generator = torch.Generator().manual_seed(tasks)
    sizes = torch.exp(spread * torch.randn(WIDTH, generator=generator))
    shared = torch.randn(WIDTH, generator=generator)
    matrix = (torch.randn(tasks, WIDTH, generator=generator) + 0.3 * shared) * sizes
    matrix[1] -= 0.8 * shared * sizes
    matrix *= torch.logspace(0, -6, tasks)[:, None]
    fast, slow = RULES[rule](), RULES[rule]()
    expected = slow.weights(exact(matrix)) @ matrix.double()
    error = (fast(matrix).double() - expected).norm() / matrix.double().norm(dim=1).max()
    assert error < 1e-6


def test_certainty_by_hand():
    """Two unit gradients with cosine c: eigenvalues 1 ± c; three with cosine -0.44 each: the smallest is 0.12."""
    pair = lambda c, a=1.0, b=1.0: torch.tensor([[a * a, c * a * b], [c * a * b, b * b]], dtype=torch.float64)  # noqa: E731
    assert is_certain(pair(0.5))
    assert is_certain(pair(-0.89))
    assert not is_certain(pair(-0.91))
    assert is_certain(pair(0.5, 1e-6, 1e6))
    assert not is_certain(pair(0.5, 1e-11, 1.0))
    assert not is_certain(pair(0.5, 1.0, 1e16))
    assert not is_certain(pair(1e-7))
    assert not is_certain(pair(float("nan")))
    three = torch.full((3, 3), -0.44, dtype=torch.float64).fill_diagonal_(1)
    assert is_certain(three)
    assert not is_certain(torch.full((3, 3), -0.46, dtype=torch.float64).fill_diagonal_(1))
