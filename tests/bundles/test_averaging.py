"""The exponential moving average of the weights: right values, what is validated and saved, and resume."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Events

from fundus_mtl.workflow import WorkflowError
from tests.bundles.conftest import BUNDLES, run, workflow

ROBUST = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "robust.yaml"
SHARE = 0.3  # of the newest weights


def digits(data, out, **more):
    given = {"max_epochs": 2, "batch_size": 4, "hidden": 6, "tracking_uri": None, "averaging": SHARE}
    return given | {"dataset_dir": str(data), "output_dir": str(out)} | more


def test_each_iteration_moves_the_average_towards_the_weights(digits_data, tmp_path):
    made = workflow("digits_mtl", "train", **digits(digits_data, tmp_path))
    made.initialize()
    get = made.parser.get_parsed_content
    network, expected, steps = get("network"), {}, []
    expected.update({name: value.detach().clone() for name, value in network.named_parameters()})

    def by_hand(_):
        steps.append(1)
        for name, value in network.named_parameters():
            expected[name] = (1 - SHARE) * expected[name] + SHARE * value.detach()

    get("train::trainer").add_event_handler(Events.ITERATION_COMPLETED, by_hand)
    made.run()
    average = dict(get("averaged").named_parameters())
    assert len(steps) == 8
    for name, value in network.named_parameters():
        torch.testing.assert_close(average[name], expected[name])
        assert not torch.equal(average[name], value)


def test_the_average_is_validated_and_saved(digits_data, tmp_path):
    made = run("digits_mtl", "train", **digits(digits_data, tmp_path, max_epochs=1))
    get = made.parser.get_parsed_content
    assert get("validate::evaluator").network is get("averaged")
    saved = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert all(torch.equal(saved[name], value) for name, value in get("averaged").state_dict().items())
    assert any(not torch.equal(saved[name], value) for name, value in get("network").state_dict().items())


def test_without_it_the_network_itself(digits_data, tmp_path):
    made = run("digits_mtl", "train", **digits(digits_data, tmp_path, max_epochs=1, averaging=None))
    assert made.parser.get_parsed_content("validate::evaluator").network is made.parser.get_parsed_content("network")
    (state,) = (tmp_path / "state").glob("*.pt")
    assert "averaged" not in torch.load(state, weights_only=True)


def test_resume_keeps_the_average(refuge_data, tmp_path):
    """With batch norm, random augmentation and validation: two epochs equal one, a new process, and one more."""
    tiny = {
        "max_epochs": 2, "size": 32, "network_def::width": 2, "batch_size": 4, "tracking_uri": None,
        "averaging": SHARE, "dataset_dir": str(refuge_data), "lr_scheduler::total_steps": 8,
    }  # fmt: skip
    run("refuge_mtl", "train", ROBUST, **tiny, output_dir=str(tmp_path / "straight"))
    run("refuge_mtl", "train", ROBUST, **tiny | {"max_epochs": 1}, output_dir=str(tmp_path / "halves"))
    run("refuge_mtl", "train", ROBUST, **tiny, resume_from="latest", output_dir=str(tmp_path / "halves"))
    straight, halves = (
        torch.load(next((tmp_path / name / "state").glob("*epoch=2.pt")), weights_only=True)
        for name in ("straight", "halves")
    )
    for part in ("network", "averaged"):
        for key, value in straight[part].items():
            assert torch.equal(value, halves[part][key]), (part, key)
    assert straight["evaluator"]["best_metric"] == halves["evaluator"]["best_metric"]
    different = [key for key, value in straight["network"].items() if not torch.equal(value, straight["averaged"][key])]
    assert different


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_out_of_range_is_refused(share, digits_data, tmp_path, capfd):
    with pytest.raises(WorkflowError):
        run("digits_mtl", "train", **digits(digits_data, tmp_path, averaging=share))
    assert f"averaging: expected a number from 1e-06 to 1, or null, but got {share}." in capfd.readouterr().err
