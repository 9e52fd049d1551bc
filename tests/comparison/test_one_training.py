"""One training: skipped, resumed or restarted; its failures as sentences. The commands are recorded, not run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fundus_mtl.comparison._data_note import DATA_FILE, OtherDataError, check_data, note_data
from fundus_mtl.comparison._do_training import do_training
from fundus_mtl.comparison._training import Place, Training
from fundus_mtl.comparison._training_folder import OtherSettingsError, check_settings, is_done
from fundus_mtl.processes import locked
from fundus_mtl.processes._child_processes import StoppedError

PLACE = Place("sqlite:///x.db", "experiment", "parent")


class Recorder:
    """Stands for `ChildProcesses`: notes the commands, says something, and answers with the statuses it was given."""

    def __init__(self, *statuses, says=""):
        self.commands, self.statuses, self.says = [], list(statuses), says

    def run(self, command, log, held=()):
        self.commands.append(command)
        with Path(log).open("a") as file:
            file.write(self.says)
        status = self.statuses.pop(0) if self.statuses else 0
        if isinstance(status, Exception):
            raise status
        return status

    @property
    def kinds(self):
        return [
            Path(command[5]).stem + (" resumed" if "--resume_from='latest'" in command else "")
            for command in self.commands
        ]


@pytest.fixture
def training(tmp_path):
    overlay, configs = tmp_path / "joint.yaml", tmp_path / "bundle" / "configs"
    overlay.write_text("method: joint")
    configs.mkdir(parents=True)
    for name in ("args", "args_evaluate"):
        (configs / f"{name}.yaml").write_text("config_file: all.yaml")
    (configs / "all.yaml").write_text("section: testing")
    return Training(
        "joint",
        None,
        0,
        "",
        tmp_path / "out",
        configs / "args.yaml",
        configs / "args_evaluate.yaml",
        (overlay,),
        (),
        {"lr": 0.1},
    )


def leave_state(training, broken=False):
    """Leave what a training that was killed after its first epoch leaves; broken if it was writing just then."""
    (training.folder / "state").mkdir(parents=True)
    file = training.folder / "state" / "state_epoch=1.pt"
    torch.save({"trainer": {"iteration": 1}}, file)
    if broken:
        file.write_bytes(file.read_bytes()[:200])


@pytest.fixture
def tidied():
    return []


@pytest.fixture
def do(training, tidied):
    def do(children, given=None):
        return do_training(given or training, PLACE, children, lambda folder, word: tidied.append(word))

    return do


def test_done_once(training, do, tidied):
    children = Recorder()
    outcome = do(children)
    assert (outcome.status, outcome.reason, outcome.was_run) == ("finished", "", True)
    assert children.kinds == ["args", "args_evaluate"]
    assert is_done(training)
    assert json.loads((training.folder / "done.json").read_text())["training"]["method"] == "joint"
    again = do(children)
    assert (again.status, again.was_run) == ("finished", False)
    assert len(children.commands) == 2
    assert tidied == ["FINISHED"]


def test_a_killed_training_is_resumed(training, do, tidied):
    assert do(Recorder(-9)).reason == "training: ended by signal 9"
    assert do(second := Recorder()).status == "finished"  # no state: from the start
    assert second.kinds[0] == "args"
    (training.folder / "done.json").unlink()
    (training.folder / "trained.json").unlink()
    leave_state(training)
    assert do(further := Recorder()).status == "finished"
    assert further.kinds == ["args resumed", "args_evaluate"]
    assert tidied == ["FAILED", "FINISHED", "FINISHED"]


def test_a_failed_evaluation_is_repeated_alone(do):
    failed = do(Recorder(0, 2, says="error: ckpt_path: no such file or folder: /home/doe/models/model.pt\n"))
    assert failed.reason == "evaluation: ckpt_path: no such file or folder: model.pt (exit status 2)"
    assert do(children := Recorder()).status == "finished"
    assert children.kinds == ["args_evaluate"]


@pytest.mark.parametrize(
    "says, message",
    [
        ("Traceback …\nerror: lr: too high\nbye\n", "training: lr: too high (exit status 1)"),
        ("first\nlast \n\n", "training: last (exit status 1)"),
        ("", "training: no output (exit status 1)"),
        ("error: " + "x" * 999, "training: " + "x" * 300 + " (exit status 1)"),
    ],
)
def test_the_reason_is_the_last_word(do, says, message):
    assert do(Recorder(1, says=says)).reason == message


def test_only_this_attempts_log_is_looked_at(do):
    do(Recorder(1, says="error: old\n"))
    assert do(Recorder(1, says="new\n")).reason == "training: new (exit status 1)"


def test_stopping_is_no_failure(training, do, tidied):
    with pytest.raises(StoppedError):
        do(Recorder(StoppedError("stopped")))
    assert tidied == ["KILLED"]
    assert not (training.folder / "done.json").exists()


def test_other_settings_do_not_mix(training, do):
    do(Recorder())
    other = training.with_chosen({"lr": 0.2})
    with pytest.raises(OtherSettingsError, match="expected the settings that .*out was made with, but got others"):
        check_settings(other)
    assert not is_done(other)
    outcome = do(children := Recorder(), other)
    assert outcome.status == "failed"
    assert not children.commands
    check_settings(training)


def test_another_evaluation_throws_no_network_away(training, do):
    do(Recorder())
    other = replace(training, evaluate_options={**training.evaluate_options, "section": "validation"})
    assert not is_done(other)
    assert do(children := Recorder(), other).status == "finished"
    assert children.kinds == ["args_evaluate"]


def test_a_mistake_before_anything_was_trained_blocks_nothing(training, do):
    assert do(Recorder(2, says="error: lrr: no such item\n"), training.with_chosen({"lrr": 1})).status == "failed"
    assert do(children := Recorder()).status == "finished"
    assert children.kinds == ["args", "args_evaluate"]


def test_states_are_removed_when_nobody_goes_on_from_them(training, do):
    leave_state(training)
    do(Recorder())
    assert not (training.folder / "state").exists()


def test_a_locked_folder_is_left_alone(training, do):
    with locked(training.folder):
        outcome = do(children := Recorder())
    assert outcome.status == "failed"
    assert "expected out to be unlocked" in outcome.reason
    assert not children.commands


def test_a_trial_is_not_evaluated(training, do):
    import dataclasses

    assert do(children := Recorder(), dataclasses.replace(training, evaluate_args=None)).status == "finished"
    assert children.kinds == ["args"]


def test_a_broken_first_state_blocks_nothing(training, do, caplog):
    """The training starts again from the beginning, also with other settings, and says why."""
    leave_state(training, broken=True)
    assert do(children := Recorder()).status == "finished"
    assert children.kinds == ["args", "args_evaluate"]
    assert "state_epoch=1.pt is broken" in caplog.text


def test_a_state_holds_settings_and_a_broken_one_does_not(training, do):
    do(Recorder(-9))
    other = training.with_chosen({"lr": 0.2})
    leave_state(training)
    with pytest.raises(OtherSettingsError):
        check_settings(other)
    (training.folder / "state" / "state_epoch=1.pt").write_bytes(b"torn")
    check_settings(other)


@pytest.fixture
def datalist(tmp_path):
    file = tmp_path / "datalist.json"
    file.write_text("old")
    return file


class Noting(Recorder):
    """A training that notes its data, as the item added to ``initialize`` makes it."""

    def __init__(self, training, datalist, *statuses):
        super().__init__(*statuses)
        self.training, self.datalist = training, datalist

    def run(self, command, log, held=()):
        status = super().run(command, log, held)
        if self.kinds[-1].startswith("args") and "evaluate" not in self.kinds[-1]:
            note_data(self.training.folder, [self.datalist, None])
        return status


def test_changed_data_are_refused_and_lost_ones_are_not(training, do, datalist):
    do(Noting(training, datalist))
    assert list(json.loads((training.folder / DATA_FILE).read_text())) == [str(datalist)]
    check_settings(training)
    datalist.write_text("new")
    message = (
        "joint seed 0: expected the data that .*out was made with, but got a datalist.json that has changed since; "
    )
    with pytest.raises(OtherDataError, match=message + "restore"):
        check_settings(training)
    outcome = do(children := Recorder())
    assert outcome.status == "failed"
    assert "choose another output_dir, or remove that folder" in outcome.reason
    assert str(datalist.parent) not in outcome.reason
    assert not children.commands
    datalist.unlink()
    check_settings(training)
    assert do(Recorder()).was_run is False
    datalist.write_text("old")
    check_settings(training)


def test_data_that_change_while_it_trains_are_not_tested_on(training, do, datalist):
    class Changing(Noting):
        def run(self, command, log, held=()):
            status = super().run(command, log, held)
            datalist.write_text("new")
            return status

    outcome = do(children := Changing(training, datalist))
    assert outcome.status == "failed"
    assert "has changed since" in outcome.reason
    assert children.kinds == ["args"]


def test_a_training_is_not_resumed_with_other_data(training, do, datalist):
    do(Noting(training, datalist, -9))
    datalist.write_text("new")
    assert do(children := Noting(training, datalist, -9)).reason.startswith("training: ended")  # nothing was kept
    assert children.kinds == ["args"]
    leave_state(training)
    datalist.write_text("newer")
    assert "has changed since" in do(children := Recorder()).reason
    assert not children.commands


def test_without_a_note_nothing_is_checked(training):
    check_data(training.folder, "joint")
