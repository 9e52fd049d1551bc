"""Keys of what a sample keeps of the photograph itself; results need them without torch."""

PIXELS = "photograph"
"""Key of the upright pixels of a photograph in a sample, RGB uint8 ``(H, W, 3)``."""
SEEN = "field_of_view"
"""Key of the field of view of a photograph in a sample, bool ``(1, H, W)``."""
