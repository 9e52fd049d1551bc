from math import isnan

import numpy as np
import pytest

from fundus_mtl.metrics import av


def line(start, stop, row=4, width=1):
    mask = np.zeros((9, 14), bool)
    mask[row : row + width, start:stop] = True
    return mask


def test_two_lines_by_hand():
    """Six pixels wanted, four found, three of them right: precision 3/4, sensitivity 3/6, so 0.6."""
    assert av.cldice(line(5, 9), line(2, 8)) == pytest.approx(0.6)


def test_only_the_centreline_must_be_within_the_other():
    thick, thin = line(2, 12, 3, 3), line(3, 11)
    assert av.cldice(thin, thick) == av.cldice(thick, thin) > 0.8  # F1 would be 0.42
    assert av.cldice(line(5, 9, 3), thick) == 0.0  # inside, but beside the centreline


def test_empty_masks():
    nothing = line(0, 0)
    assert isnan(av.cldice(nothing, nothing))
    assert av.cldice(nothing, line(2, 8)) == av.cldice(line(2, 8), nothing) == 0.0
    assert av.cldice(line(2, 8, 1), line(2, 8, 6)) == 0.0


def test_sets_of_pixels_cut_the_centrelines_not_the_masks():
    """In the left half: found 5 to 6, wanted 2 to 6; precision 2/2, sensitivity 2/5."""
    colours = np.zeros((9, 14, 3), np.uint8)
    colours[line(2, 8)] = (255, 0, 0)
    left = np.zeros((9, 14), bool)
    left[:, :7] = True
    result = av.evaluate(line(5, 9), line(0, 0), None, colours, left)
    assert result["cldice_artery_frame"] == pytest.approx(0.6)
    assert result["cldice_artery_fov"] == pytest.approx(2 * 1 * 0.4 / 1.4)
    assert result["cldice_artery_discovered"] == 1.0
    assert isnan(result["cldice_vein_frame"])


def test_a_set_without_any_centreline_of_one_mask():
    """Where the prediction's centreline is outside the set, precision is 0/0, and sensitivity is not 0: not known."""
    colours = np.zeros((9, 14, 3), np.uint8)
    colours[line(2, 12, 3)] = (255, 0, 0)
    result = av.evaluate(line(2, 12, 3, 3), line(0, 0), None, colours, line(5, 9, 3))
    assert result["sens_artery_fov"] == 1.0
    assert isnan(result["cldice_artery_fov"])


def test_wrong_masks_raise():
    with pytest.raises(
        ValueError, match=r"two boolean masks of the same shape \(H, W\), but got bool \(9, 14\) and bool"
    ):
        av.cldice(line(1, 2), line(1, 2).T)
