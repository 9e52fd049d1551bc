"""The second largest region of a mask, on maps that are not square."""

from __future__ import annotations

import pytest
import torch

from fundus_mtl.transforms import RivalRegiond


@pytest.mark.parametrize(
    "boxes, expected",
    [
        ([], 0.0),
        ([(0, 4, 0, 5)], 0.0),
        ([(0, 4, 0, 5), (6, 8, 0, 5)], 0.5),
        ([(0, 4, 0, 5), (6, 10, 7, 12)], 1.0),
        ([(0, 4, 0, 5), (4, 8, 5, 7)], 0.0),  # joined by a corner
        ([(0, 2, 0, 5), (3, 7, 0, 5), (8, 10, 0, 1)], 0.5),
    ],
)
def test_the_share_by_hand(boxes, expected):
    maps = torch.full((1, 12, 17), 0.49)
    for top, bottom, left, right in boxes:
        maps[0, top:bottom, left:right] = 0.5
    made = RivalRegiond("pred_disc")({"pred_disc": maps, "id": "a"})
    assert made["rival_pred_disc"] == expected
    assert made["pred_disc"] is maps
