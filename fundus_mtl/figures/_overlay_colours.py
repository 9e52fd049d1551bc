"""Colours of what is drawn on photographs, RGB, which colour-blind people can tell apart.

Of Okabe and Ito's colours (Color Universal Design, 2008), those that differ from the orange of a fundus.
"""

from __future__ import annotations

Colour = tuple[int, int, int]

SKY_BLUE: Colour = (86, 200, 255)
YELLOW: Colour = (240, 228, 66)
GREEN: Colour = (0, 158, 115)
PURPLE: Colour = (204, 121, 167)
BLUE: Colour = (0, 114, 178)
WHITE: Colour = (255, 255, 255)
COLOURS = (SKY_BLUE, WHITE, YELLOW, GREEN, PURPLE, BLUE)
"""Where labels and predictions are not drawn together."""

TRUTH = WHITE
PREDICTIONS = (SKY_BLUE, YELLOW, GREEN, PURPLE, BLUE)
