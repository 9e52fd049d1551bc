"""PCGrad: remove from each task's gradient the component that conflicts with the others.

Source: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020, algorithm 1. The authors' TensorFlow code
never shuffles and lets a task visit itself; here the order is random and a task visits only the others, as printed.
"""

from __future__ import annotations

from fundus_mtl.aggregation._pairwise import Matrix, PairwiseSurgery, dot


class PCGrad(PairwiseSurgery):
    r"""Project each gradient onto the normal plane of each gradient it conflicts with, then add them up.

    Task :math:`i` starts from :math:`g_i` and visits the other tasks :math:`j` in random order. Where
    :math:`g_i \cdot g_j < 0`, :math:`g_i \leftarrow g_i - \frac{g_i \cdot g_j}{\lVert g_j \rVert^2} g_j`. A zero
    gradient conflicts with nothing. Two exactly opposite gradients cancel.

    Args:
        seed: Seed of the visiting order. The generator is the same on every rank and is part of ``state_dict``.
    """

    def _edit(self, row: list[float], other: int, dots: Matrix) -> None:
        row[other] -= dot(row, dots[other]) / dots[other][other]
