"""How positions in a photograph are given in the tables."""

from __future__ import annotations

PIXELS = "native pixels of the upright photograph; origin at the centre of the top-left pixel, x right, y down"
