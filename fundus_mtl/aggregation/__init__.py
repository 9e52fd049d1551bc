"""Aggregators: combine the gradients of several tasks into one update of the shared parameters."""

from fundus_mtl.aggregation._cagrad import CAGrad
from fundus_mtl.aggregation._graddrop import GradDrop
from fundus_mtl.aggregation._mamg import MAMG
from fundus_mtl.aggregation._mgda import MGDA
from fundus_mtl.aggregation._pcgrad import PCGrad
from fundus_mtl.aggregation._sum import Sum
from fundus_mtl.aggregation._torchjd import TorchJD

__all__ = ["MAMG", "MGDA", "CAGrad", "GradDrop", "PCGrad", "Sum", "TorchJD"]
