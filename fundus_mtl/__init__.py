"""Multi-task learning for colour fundus photographs, on MONAI. Research use only."""

__version__ = "0.1.0"
