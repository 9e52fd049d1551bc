"""Dot products of long gradients: in float32 blocks where that is certain to be precise enough, else in float64.

A plain float32 product of a million numbers is off by 6e-5 of the lengths. Products of 512 numbers, added up in float64,
are off by 1e-8 and take no longer. A method needs more where gradients nearly cancel, or where a sign is close to
changing: then everything is summed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import sqrt

import torch
from torch import Tensor

BLOCK = 512  # numbers per float32 product
LARGE = 2**18  # numbers per gradient from which float32 blocks are faster than float64
_CHUNK = {
    "cpu": 2**15,
    "cuda": 2**20,
}  # numbers per gradient that are copied at a time; a processor's stay in its cache

# Float32 blocks are used if a rule's result then differs by less than 1e-6 from that of float64:
LEAST_EIGENVALUE = 0.1  # of the matrix of cosines; below it, weights would magnify the rounding error
LEAST_COSINE = 1e-6  # the sign of a smaller one is not certain
LEAST_SQUARE, LARGEST_SQUARE = 1e-20, 1e30  # of lengths; beyond them float32 products underflow or overflow


def matrix_gram(matrix: Tensor) -> Tensor:
    """Return the Gram matrix ``(T, T)``, in float64 on their device, of the rows of a matrix ``(T, P)``."""
    if _may_use_blocks(matrix, matrix.shape[1]):
        found = _block_products(matrix)
        if is_certain(found):
            return found
    return _summed([[row] for row in matrix], _products)


def gram(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the Gram matrix ``(T, T)`` of T gradients, in float64 on their device.

    Args:
        rows: T lists of tensors of the same shapes.
    """
    if _may_use_blocks(rows[0][0], sum(tensor.numel() for tensor in rows[0])):
        found = _summed(rows, _block_products)
        if is_certain(found):
            return found
    return _summed(rows, _products)


def is_certain(found: Tensor) -> bool:
    """Return whether a Gram matrix ``(T, T)`` of float32 blocks determines a rule's result to 1e-6."""
    products = found.tolist()  # plain numbers: operations on tensors of T numbers take longer than all of this
    squares = [line[index] for index, line in enumerate(products)]
    if not all(LEAST_SQUARE <= square <= LARGEST_SQUARE for square in squares):  # False for NaN too
        return False
    lengths = [sqrt(square) for square in squares]
    others = [
        [abs(products[i][j]) / lengths[i] / lengths[j] for j in range(len(squares)) if j != i]
        for i in range(len(squares))
    ]
    if any(cosine < LEAST_COSINE for line in others for cosine in line):
        return False
    if 1 - max(map(sum, others)) >= LEAST_EIGENVALUE:  # Gershgorin's bound
        return True
    scale = found.diagonal().rsqrt()
    return float(torch.linalg.eigvalsh(found * scale * scale.unsqueeze(1))[0]) >= LEAST_EIGENVALUE


def _may_use_blocks(like: Tensor, numbers: int) -> bool:
    # A GPU computes the float64 products of a few gradients in the time that it takes to read them.
    return like.device.type == "cpu" and like.dtype == torch.float32 and numbers >= LARGE


def _summed(rows: Sequence[Sequence[Tensor]], product: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the sum of ``product`` over pieces of the rows, which are copied side by side."""
    like = rows[0][0]
    size = _CHUNK.get(like.device.type, _CHUNK["cuda"])
    buffer = like.new_empty((len(rows), min(size, sum(tensor.numel() for tensor in rows[0]))))
    total = like.new_zeros((len(rows), len(rows)), dtype=torch.float64)
    for pieces in _chunks(rows, size):
        filled = sum(piece.numel() for piece in pieces[0])
        for line, parts in zip(buffer, pieces, strict=True):
            torch.cat(parts, out=line[:filled])
        total += product(buffer[:, :filled])
    return total


def _chunks(rows: Sequence[Sequence[Tensor]], size: int) -> Iterator[list[list[Tensor]]]:
    """Yield the numbers of T gradients in pieces of ``size`` numbers, as T lists of vectors."""
    pieces: list[list[Tensor]] = [[] for _ in rows]
    room = size
    for tensors in zip(*rows, strict=True):
        vectors = _in_memory_order(tensors)
        start, count = 0, vectors[0].numel()
        while count - start >= room:
            for line, vector in zip(pieces, vectors, strict=True):
                line.append(vector[start : start + room])
            yield pieces
            pieces, start, room = [[] for _ in rows], start + room, size
        for line, vector in zip(pieces, vectors, strict=True):
            line.append(vector[start:] if start else vector)
        room -= count - start
    if room < size:
        yield pieces


def _in_memory_order(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors as vectors with the same order of the numbers, without copies where their layouts are equal."""
    first = tensors[0]
    if first.is_contiguous(memory_format=torch.channels_last) and first.ndim == 4:
        return [tensor.permute(0, 2, 3, 1).reshape(-1) for tensor in tensors]
    return [tensor.reshape(-1) for tensor in tensors]


def _block_products(matrix: Tensor) -> Tensor:
    """Return the Gram matrix of rows ``(T, N)``: products of blocks in the rows' own precision, their sum in float64."""
    whole = matrix.shape[1] // BLOCK * BLOCK
    blocks = matrix[:, :whole].unflatten(1, (-1, BLOCK)).transpose(0, 1)
    found = torch.bmm(blocks, blocks.transpose(1, 2)).sum(dim=0, dtype=torch.float64)
    return found if whole == matrix.shape[1] else found + _products(matrix[:, whole:])


def _products(matrix: Tensor) -> Tensor:
    """Return the Gram matrix of rows ``(T, N)``, all in float64."""
    wide = matrix.to(torch.float64)
    return wide @ wide.T
