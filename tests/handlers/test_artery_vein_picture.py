"""Photograph, truth and prediction side by side."""

from __future__ import annotations

import numpy as np
import torch

from fundus_mtl.handlers import ArteryVeinPicture


def test_three_pictures_in_a_row():
    image = np.full((4, 6, 3), 90, np.uint8)
    truth = torch.zeros(3, 4, 6, dtype=torch.uint8)
    truth[2, 1, 2] = 255
    probabilities = torch.zeros(2, 4, 6)
    probabilities[0, 3, 5] = 0.5
    sample = {"artery_vein_map": truth, "pred_artery_vein": probabilities}
    picture = ArteryVeinPicture()(image, sample)
    assert picture.shape == (4, 18, 3)
    assert (picture[:, :6] == 90).all()
    assert np.argwhere(picture[:, 6:].any(axis=2)).tolist() == [[1, 2], [3, 11]]
    assert picture[1, 8].tolist() == [0, 0, 255]
    assert picture[3, 17].tolist() == [255, 0, 0]
    assert ArteryVeinPicture()(image, {"pred_artery_vein": probabilities}).shape == (4, 12, 3)
    parts = ArteryVeinPicture().parts(image, sample)
    assert list(parts) == ["photograph", "truth", "prediction"]
    np.testing.assert_array_equal(np.concatenate(list(parts.values()), axis=1), picture)
    assert ArteryVeinPicture(width=3)(image, sample).shape == (2, 9, 3)
