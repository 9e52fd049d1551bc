"""The bundles, as they come with the package: found through ``importlib.resources``."""
