"""Two sites train an exported bundle by MONAI's `MonaiAlgo`, two rounds of federated averaging."""

from __future__ import annotations

import shutil

import pytest
import torch
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

from data_prep.phantom import write_refuge
from data_prep.refuge import prepare
from fundus_mtl.workflow import export_bundle
from tests.bundles.conftest import BUNDLES, TINY_BUNDLE

TRAIN = "configs/train.json"


@pytest.fixture
def sites(tmp_path):
    """Two sites with phantoms of their own and the same bundle."""
    shutil.copytree(BUNDLES, tmp_path / "bundles", ignore=shutil.ignore_patterns("models", "__pycache__"))
    algorithms = []
    for seed, name in enumerate(("north", "south")):
        site = tmp_path / name
        write_refuge(site / "raw", {"train": 8, "validation": 4, "test": 2}, size=96, seed=seed, share=0.5)
        prepare(site / "raw", site / "data")
        export_bundle(str(tmp_path / "bundles" / "refuge_mtl"), site / "bundle")
        given = {"dataset_dir": str(site / "data"), "output_dir": str(site / "out"), "tracking_uri": None}
        given |= {"device": "$torch.device('cpu')", "batch_size": 4, "val_interval": 1, "lr": 0.01}
        given |= TINY_BUNDLE["refuge_mtl"]
        algorithm = MonaiAlgo(
            str(site / "bundle"),
            local_epochs=1,
            config_train_filename=TRAIN,
            config_evaluate_filename=TRAIN,
            train_kwargs=dict(given),
            eval_kwargs=dict(given),
        )
        algorithm.initialize({ExtraItems.CLIENT_NAME: name})
        algorithms.append(algorithm)
    return algorithms


@pytest.mark.filterwarnings("ignore:.*GHSA-x6pr-233j-x5cw.*:UserWarning")
def test_two_rounds(sites):
    weights = {name: value.clone() for name, value in sites[0].trainer.network.state_dict().items()}
    losses = []
    for number in (1, 2):
        differences = []
        for site in sites:
            site.train(ExchangeObject(weights={name: value.numpy() for name, value in weights.items()}), {})
            found = site.get_weights({})
            assert found.weight_type == WeightType.WEIGHT_DIFF
            assert site.trainer.state.epoch == number
            own = site.trainer.network.state_dict()
            first = "heads.disc.weight"
            if first in found.weights:  # what is sent is what the site learned
                assert torch.allclose(torch.as_tensor(found.weights[first]), own[first] - weights[first], atol=1e-6)
            differences.append(found.weights)
        for name in differences[0]:
            mean = sum(torch.as_tensor(difference[name]) for difference in differences) / len(differences)
            weights[name] = weights[name] + mean.to(weights[name].dtype)
        given = ExchangeObject(weights={name: value.numpy() for name, value in weights.items()})
        losses.append([-site.evaluate(given, {}).metrics["val/score"] for site in sites])
    assert all(after < before for before, after in zip(*losses, strict=True))
    own = [site.trainer.network.state_dict() for site in sites]
    assert any(not torch.equal(own[0][name], own[1][name]) for name in own[0])  # each trains on its own photographs
