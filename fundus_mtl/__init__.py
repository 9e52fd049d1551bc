"""Multi-task learning for colour fundus photographs, on MONAI. Research use only."""

from fundus_mtl.notices import VERSION

__version__ = VERSION
