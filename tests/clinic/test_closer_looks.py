"""What the user sets reaches every network of the run, the mirrored views of the further ones too."""

from __future__ import annotations

import json

import pytest

from fundus_mtl.cli import main
from fundus_mtl.engines import NextStage
from fundus_mtl.inference import infer
from fundus_mtl.workflow import part_of
from fundus_mtl.workflow._error import RefusedError
from tests.clinic.conftest import ANYWAY, rows, save_fundus, save_model

DISC = {"crop": 48, "size": 32, "network_def::width": 4}
MASKS = ["pred_disc", "pred_cup"]
VESSEL = {"patch": 32, "network_def::width": 4}


@pytest.fixture
def folder(tmp_path):
    save_fundus(tmp_path / "in/eye.png")
    return tmp_path / "in"


@pytest.fixture
def looks(monkeypatch):
    """Who looked at the photograph again: at which tasks, in which precision, in windows of how many diameters."""
    seen = []
    original = NextStage.__call__

    def call(self, sample):
        tasks = "+".join(task.name for task in self.tasks)
        crops = [step.diameters for step in self.preprocessing.transforms if hasattr(step, "diameters")]
        seen.append((tasks, self.precision.name, crops))
        return original(self, sample)

    monkeypatch.setattr(NextStage, "__call__", call)
    return seen


def test_precision_and_window_reach_the_mirrored_views(folder, weights, tmp_path, looks):
    disc = save_model(tmp_path / "disc", "refuge_disc_mtl", **DISC)
    vessel = save_model(tmp_path / "vessel", "hrf_av_mtl", **VESSEL)
    given = ["infer", str(folder), str(tmp_path / "out"), "--weights", str(weights), *ANYWAY]
    given += [
        "--disc-weights",
        str(disc),
        "--vessel-weights",
        str(vessel),
        "--set",
        "window=3.0",
        "--set",
        "amp=bfloat16",
    ]
    assert main([*given, "--set", "flips=[[1], [0]]"]) == 0
    closely, mirrored = ("segmentation", "bfloat16", [3.0]), ("disc+cup+fovea+glaucoma", "bfloat16", [])
    # A mirrored look at vessels would tell nothing.
    assert looks == [closely, ("artery_vein+vessel", "bfloat16", []), *[mirrored, closely] * 2]
    (row,) = rows(tmp_path / "out/results.csv")
    assert float(row["fovea_uncertainty_px"]) >= 0


@pytest.mark.parametrize("threshold, share", [(0.0, 1.0), (1.0, 0.0)])
def test_a_threshold_reaches_the_mirrored_view(threshold, share, folder, weights, tmp_path, monkeypatch):
    """All or nothing is disc, so that a view with another threshold would differ."""
    from fundus_mtl.engines import FlipUncertainty

    seen = []
    original = FlipUncertainty.__call__

    def call(self, sample):
        seen.extend([sample, *(view(sample) for view in self.views)])
        return original(self, sample)

    monkeypatch.setattr(FlipUncertainty, "__call__", call)
    cut = [
        {"_target_": "fundus_mtl.transforms.InvertBilineard", "keys": MASKS, "transform": "@preprocessing"},
        {"_target_": "AsDiscreted", "keys": MASKS, "threshold": threshold},
    ]
    masks = {"_target_": "Compose", "transforms": cut}  # for NativeMasksd, whose threshold is one half
    options = {"to_photograph::transforms::0": masks, "flips": [[1]], "device": "cpu"}
    infer(folder, tmp_path / "out", weights, **options)
    assert [float(sample["pred_disc"].float().mean()) for sample in seen] == [share, share]


def test_a_part_is_built_anew_with_other_values():
    config = json.dumps({"a": 2, "b": [1], "c": "$@a * len(@b)", "d": {"e": "@c"}})
    assert part_of(config, "d") == {"e": 2}
    assert part_of(config, "d", a=5) == {"e": 5}
    assert part_of(config, "c", **{"+b": [2, 3]}) == 6
    with pytest.raises(RefusedError, match="--aa: no such item in this configuration; did you mean a"):
        part_of(config, "d", aa=1)
