"""Loss weightings: combine the losses of several tasks into one loss."""

from fundus_mtl.weighting._dwa import DWA
from fundus_mtl.weighting._famo import FAMO
from fundus_mtl.weighting._gradnorm import GradNorm
from fundus_mtl.weighting._random import RandomWeights
from fundus_mtl.weighting._sum import Sum
from fundus_mtl.weighting._uncertainty import Uncertainty

__all__ = ["DWA", "FAMO", "GradNorm", "RandomWeights", "Sum", "Uncertainty"]
