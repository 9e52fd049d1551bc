"""Loss weightings: combine the losses of several tasks into one loss."""

from fundus_mtl.weighting._dwa import DWA
from fundus_mtl.weighting._gradnorm import GradNorm
from fundus_mtl.weighting._sum import Sum
from fundus_mtl.weighting._uncertainty import Uncertainty

__all__ = ["DWA", "GradNorm", "Sum", "Uncertainty"]
