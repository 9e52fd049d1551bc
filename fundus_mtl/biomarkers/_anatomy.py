"""The limits of anatomy: a number outside of them is flagged, or not believed at all; all of them are here.

Sources: 800 eyes of REFUGE have distances of disc and fovea of 1.7 to 4.3 disc diameters and angles of 3° below to 19°
above the fovea (1st to 99th percentile). Discs of 6678 eyes were nearly all 1.2 to 1.9 mm high (Crowston et al., 2004),
which is 4.2° to 6.6°.
"""

from __future__ import annotations

FRAME_MM = (1.5, 80.0)
"""Longer side of a photograph on the retina, mm: from a window around the disc, which is about 1.8 mm high, to
ultra-widefield cameras (200 degrees, about 60 mm). A camera of 45 degrees sees about 13 mm."""
DISC_MM = (0.5, 5.0)
"""Height of a disc, mm."""
PIXEL_RATIO = 2.0
"""Largest ratio of the scales along x and y: pixels of cameras are square or nearly so."""

DISC_OF_FIELD = (0.015, 0.4)
"""Height of a disc over the diameter of a round field of view: cameras see 200° to about 20°."""
DISC_OF_FRAME = 0.5
"""Largest area of a disc over that of the field of view, also where no round border is seen."""
DISC_ASPECT = 2.5
"""Largest ratio of the sides of a disc."""
DISC_SOLIDITY = 0.75
"""Smallest area of a disc over that of its convex hull; discs are round."""
DISC_RIVAL = 0.5
"""Largest area of a second region over that of the disc."""
CUP_WITHHELD = 0.5
"""Fraction of the cup's pixels outside of the disc above which the two do not belong together."""

RATIO_DD = (1.7, 4.3)
"""Distance of disc and fovea in disc diameters; flagged outside."""
ANGLE_DEG = 25.0
"""Largest angle between the horizontal and the line from fovea to disc; flagged above."""
VCDR = (0.1, 0.95)
"""Vertical cup-to-disc ratio; flagged outside."""
CUP_OUTSIDE = 0.01
"""Fraction of the cup's pixels outside of the disc; flagged above. Two independent heads rarely agree on every pixel."""
