"""StrictWorkflow: what it refuses, in which words, and that it is otherwise MONAI's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from monai.bundle import create_workflow

from fundus_mtl.workflow import Presentation, StrictWorkflow, WorkflowError, presented
from fundus_mtl.workflow._explanation import explain
from fundus_mtl.workflow._signature import parameters

CONFIG = """
bundle_root: .
max_epochs: 3
lr: 0.1
amp: false
resume_from: null
tracking_uri: '$"sqlite:///" + @bundle_root'
names: [a, b]
sizes: {disc: 1}
network: {_target_: torch.nn.Linear, in_features: 3, out_features: 1}
alias: '@network'
optimizer: {_target_: torch.optim.SGD, params: '$@network.parameters()', lr: '@lr'}
train:
  trainer: {_target_: test_workflow_parts.Child, max_epochs: '@max_epochs', amp: '@amp'}
  handlers:
  - {_target_: monai.handlers.StatsHandler, name: log}
merged_config: null
initialize: ['$@train::trainer']
run: ['$@train::trainer.run()']
finalize: ['$@train::trainer.end()']
"""

PARTS = """
class Base:
    def __init__(self, max_epochs, amp=False, decollate=True):
        self.max_epochs, self.amp, self.decollate, self.ended = max_epochs, amp, decollate, False

    def run(self):
        return self

    def end(self):
        self.ended = True


class Child(Base):
    def __init__(self, *args, aggregator=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.aggregator = aggregator


class Sibling(Base):
    def __init__(self, *args, inner_steps=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.inner_steps = inner_steps


def open_ended(a, **kwargs):
    return kwargs


def broken():
    try:
        raise OSError("disk")
    except OSError as error:
        raise ValueError("expected a disc in case 7,\\nbut got none") from error


def hidden():
    try:
        {}["cup"]
    except KeyError as error:
        raise ValueError("expected a cup, but got none.") from error
"""


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A bundle in `bundle/configs`, the working directory above it."""
    configs = tmp_path / "bundle" / "configs"
    configs.mkdir(parents=True)
    (configs / "train.yaml").write_text(CONFIG)
    (configs / "metadata.json").write_text('{"version": "0.1.0"}')
    (tmp_path / "test_workflow_parts.py").write_text(PARTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "test_workflow_parts", raising=False)
    yield configs
    sys.modules.pop("test_workflow_parts", None)


TRAIN = "bundle/configs/train.yaml"


@pytest.fixture
def make(bundle, recwarn):
    def workflow(config_file=TRAIN, **kwargs):
        return StrictWorkflow(config_file, logging_file=False, **kwargs)

    return workflow


def refused(capfd, make, **kwargs):
    """Return the last line printed, which is also the exception's text."""
    with pytest.raises(WorkflowError) as caught:
        make(**kwargs)
    assert caught.value.code == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == f"error: {caught.value}"
    return str(caught.value)


def test_a_config_without_faults_runs(make):
    workflow = make()
    workflow.initialize()
    (trainer,) = workflow.run()
    workflow.finalize()
    assert (trainer.max_epochs, trainer.amp, trainer.ended) == (3, False, True)


@pytest.mark.parametrize(
    "key, meant",
    [
        ("max_epoch", "max_epochs"),
        ("train#trainr#max_epochs", "train::trainer::max_epochs"),
        ("train::trainr::max_epochs", "train::trainer::max_epochs"),
        ("trian::trainer::amp", "train::trainer::amp"),
        ("train::trainer::max_epoch", "train::trainer::max_epochs"),
        ("train#trainer#decolate", "train::trainer::decollate"),  # not in the config: an ancestor's parameter
        ("train#trainer#agregator", "train::trainer::aggregator"),
        ("optimizer::nestrov", "optimizer::nesterov"),
        ("in_features", "network::in_features"),
        ("train::handlers::1::name", "train::handlers::0::name"),
        ("trainer::max_epoch", "max_epochs, train::trainer::max_epochs"),
        ("+handlers", "train::handlers"),
        ("zzzzzz", None),
        ("lr::x", None),
        ("sizes::cup", None),
        ("+train::trainer::aggregator", None),
    ],
)
def test_misspelt_overrides_are_refused(capfd, make, key, meant):
    advice = "" if meant is None else f"; did you mean {meant}?"
    assert refused(capfd, make, **{key: []}) == f"--{key}: no such item in {TRAIN}{advice}"


@pytest.mark.parametrize(
    "override, message",
    [
        ({"alias::in_features": 4}, "--alias::in_features: alias is a reference; did you mean network::in_features?"),
        ({"amp": "false"}, "--amp false: the item is a boolean, write True or False"),
        ({"amp": 0}, "--amp 0: the item is a boolean, write True or False"),
        ({"amp": None}, "--amp None: the item is a boolean, write True or False"),
        ({"max_epochs": "ten"}, "--max_epochs ten: the item is a number, write for example 3"),
        ({"max_epochs": [3]}, "--max_epochs [3]: the item is a number, write for example 3"),
        ({"max_epochs": None}, "max_epochs: expected a whole number from 1 to 1000000, but got null."),
        ({"lr": True}, "--lr True: the item is a number, write for example 0.1"),
        ({"names": "a"}, "--names a: the item is a list, write it in brackets"),
        ({"names": {"a": 1}}, "--names {'a': 1}: the item is a list, write it in brackets"),
        ({"names": 7}, "--names 7: the item is a list, write it in brackets"),
        ({"names": [7]}, "--names [7]: the item is a list of texts, write for example ['a', 'b']"),
        ({"sizes": [1]}, "--sizes [1]: the item is a dictionary, write it in braces"),
        ({"sizes": True}, "--sizes True: the item is a dictionary, write it in braces"),
        ({"sizes": "a"}, "--sizes a: the item is a dictionary, write it in braces"),
        ({"+lr": [1]}, "--+lr: + expects two lists or two dictionaries, but got a float and a list."),
    ],
)
def test_overrides_of_the_wrong_kind_are_refused(capfd, make, override, message):
    assert refused(capfd, make, **override) == message


@pytest.mark.parametrize(
    "override, item, expected",
    [
        ({"max_epochs": 1}, "max_epochs", 1),
        ({"lr": 1}, "lr", 1),
        ({"max_epochs": "$2 + 3"}, "max_epochs", "$2 + 3"),
        ({"max_epochs": "@lr"}, "max_epochs", "@lr"),
        ({"amp": True}, "amp", True),
        ({"amp": "$1 > 0"}, "amp", "$1 > 0"),
        ({"resume_from": "state.pt"}, "resume_from", "state.pt"),
        ({"tracking_uri": None}, "tracking_uri", None),
        ({"train#trainer#decollate": False}, "train::trainer::decollate", False),
        ({"train::trainer::aggregator": "x"}, "train::trainer::aggregator", "x"),
        ({"train::trainer::_disabled_": True}, "train::trainer::_disabled_", True),
        ({"train::handlers::0::name": "x"}, "train::handlers::0::name", "x"),
        ({"+names": ["c"]}, "names", ["a", "b", "c"]),
        ({"+sizes": {"cup": 2}}, "sizes", {"disc": 1, "cup": 2}),
        ({"_meta_::version": "9"}, "_meta_::version", "9"),
        ({"network": "@alias"}, "network", "@alias"),
    ],
)
def test_right_overrides_are_taken(make, override, item, expected):
    assert make(**override).parser[item] == expected


def test_parameters_are_those_of_the_new_target(make):
    """Whatever the order on the command line."""
    sibling = {"train::trainer::inner_steps": 4, "train::trainer::_target_": "test_workflow_parts.Sibling"}
    assert make(**sibling).parser["train::trainer::inner_steps"] == 4


def test_what_a_target_takes(bundle):
    own = {"_target_", "_disabled_", "_requires_", "_desc_", "_mode_"}
    assert (
        parameters({"_target_": "test_workflow_parts.Child"}) == {"aggregator", "max_epochs", "amp", "decollate"} | own
    )
    assert parameters({"_target_": "Flipd"}) == {"keys", "spatial_axis", "allow_missing_keys", "lazy"} | own
    assert parameters({"_target_": "test_workflow_parts.open_ended"}) is None
    assert parameters({"_target_": "no.such.thing"}) is None
    assert parameters({"_target_": "$object"}) is None
    assert parameters({"a": 1}) == set() == parameters("text")


def overlay(bundle, text, name="method.yaml"):
    (bundle / name).write_text(text)
    return f"bundle/configs/{name}"


METHOD = """
train::trainer::inner_steps: 5
train::trainer::_target_: test_workflow_parts.Sibling
extra: {lr: 1.0e-4}
train#trainer#amp: $@extra::lr > 0
"""


@pytest.mark.parametrize(
    "form", ["{}", "['{}']", "[{}]", "{},bundle/configs/more.yaml", ["{}", "bundle/configs/more.yaml"]]
)
def test_overlays(bundle, make, form):
    overlay(bundle, "max_epochs: 7\n", "more.yaml")
    name = overlay(bundle, METHOD)
    given = [entry.format(name) for entry in form] if isinstance(form, list) else form.format(name)
    workflow = make(overlay=given)
    workflow.initialize()
    (trainer,) = workflow.run()
    assert type(trainer).__name__ == "Sibling"
    assert (trainer.inner_steps, trainer.amp) == (5, True)
    assert trainer.max_epochs == (7 if "more" in str(form) else 3)


@pytest.mark.parametrize(
    "text, message",
    [
        ("train::trainr::amp: true", "{o}: train::trainr::amp: no such item in {f}; did you mean train::trainer::amp?"),
        (
            "train::trainer::_target_: test_workflow_parts.Sibling\ntrain::trainer::inner_step: 1",
            "{o}: train::trainer::inner_step: no such item in {f}; did you mean train::trainer::inner_steps?",
        ),
        ("optimzer: {lr: 1}", "{o}: optimzer: nothing refers to this new item; did you mean optimizer?"),
        ("lr: 1e-4", "lr: 1e-4 is text to YAML, write 1.0e-4"),
        ("optimizer::lr: -5E10", "optimizer::lr: -5E10 is text to YAML, write -5.0e+10"),
        ("names: [a, {b: .5e3}]", "names::1::b: .5e3 is text to YAML, write 0.5e+3"),
        ("- a", "{o}: expected a dictionary of items, but got a list."),
    ],
)
def test_wrong_overlays_are_refused(capfd, bundle, make, text, message):
    name = overlay(bundle, text)
    assert refused(capfd, make, overlay=name) == message.format(o=name, f=TRAIN)


@pytest.mark.parametrize("text", ["lr: 1.0e-4", "names: [e5, 1e, 12e4f, '1.5', v1e5]", "sizes: {_desc_: 1e-4}"])
def test_text_that_is_no_number_passes(bundle, make, text):
    ((name, value),) = yaml.safe_load(text).items()
    assert make(overlay=overlay(bundle, text)).parser[name] == value


def test_a_second_config_file_may_bring_items_of_its_own(capfd, bundle, make):
    name = overlay(bundle, "optimzer: 1\ntrain::handlers: []\n", "evaluate.yaml")
    assert make(config_file=[TRAIN, name]).parser["optimzer"] == 1
    overlay(bundle, "validte::handlers: []\n", "evaluate.yaml")
    text = refused(capfd, make, config_file=f"{TRAIN},{name}")
    assert text == f"{name}: validte::handlers: no such item in {TRAIN}, {name}; did you mean train::handlers?"


def test_missing_files(capfd, make):
    assert refused(capfd, make, config_file="bundle/configs/trian.yaml") == (
        f"bundle/configs/trian.yaml: no such config file; did you mean {TRAIN}?"
    )
    assert refused(capfd, make, overlay="nowhere/x.yaml") == "nowhere/x.yaml: no such overlay file."
    assert refused(capfd, make, config_file=None) == (
        "no config file was given; add --config_file <bundle>/configs/train.yaml."
    )


def test_bundle_root_follows_the_config(make, bundle, monkeypatch):
    assert make().parser["bundle_root"] == "bundle"
    assert make(bundle_root="elsewhere").parser["bundle_root"] == "elsewhere"
    assert make(overlay=overlay(bundle, "bundle_root: /fixed")).parser["bundle_root"] == "/fixed"
    monkeypatch.chdir(bundle)
    assert Path(make(config_file="train.yaml").parser["bundle_root"]).resolve() == bundle.parent
    monkeypatch.chdir(bundle.parent)
    assert Path(make(config_file="configs/train.yaml").parser["bundle_root"]).resolve() == bundle.parent


@pytest.mark.parametrize(
    "expression, message",
    [
        ("$1 / 0", "run::0: division by zero"),
        ("$[][3]", "run::0: IndexError: list index out of range"),
        ("$open('absent.pt')", "run::0: no such file or folder: absent.pt"),
        ("$@sizez", "run::0: @sizez is not defined; did you mean @sizes?"),
        (
            "$__import__('test_workflow_parts').broken()",
            "expected a disc in case 7, but got none (because of OSError: disk)",
        ),
        ("$__import__('test_workflow_parts').hidden()", "expected a cup, but got none."),
    ],
)
def test_the_root_cause_is_the_last_line(capfd, make, expression, message):
    workflow = make(run=[expression])
    workflow.initialize()
    with pytest.raises(WorkflowError) as caught:
        workflow.run()
    printed = capfd.readouterr().err.splitlines()
    assert printed[-1] == f"error: {message}"
    assert str(caught.value) == message
    assert "Traceback (most recent call last):" in printed  # for the developer, above the line
    assert caught.value.__cause__ is not None
    assert caught.value.code == 1  # the run failed


def test_a_failed_run_and_a_refused_item_have_different_statuses(capfd, make):
    """What `fundus-mtl` prints of it: one line; the traceback goes where it is asked for."""
    shown = []
    with presented(Presentation(traceback=shown.append)):
        for changes, code in (({"run": ["$1 / 0"]}, 1), ({"run": ["$@sizes"], "sizes": "$1 / 0"}, 2)):
            workflow = make(**changes)
            workflow.initialize()
            with pytest.raises(WorkflowError) as caught:
                workflow.run()
            assert caught.value.code == code
    assert len(capfd.readouterr().err.splitlines()) == 2
    assert [text.splitlines()[0] for text in shown] == ["Traceback (most recent call last):"] * 2


def test_the_loggers_are_set_before_and_after_the_logging_file(make):
    calls = []
    with presented(Presentation(set_loggers=lambda: calls.append(1))):
        make()
    assert len(calls) == 2
    make()
    assert len(calls) == 2


def test_an_unknown_key_of_an_expression_has_a_suggestion(capfd, make):
    workflow = make(run=["$[@table[name] for name in ['a', 'eyse']]"])
    workflow.parser["table"] = {"a": 1, "eyes": 2}
    with pytest.raises(WorkflowError) as caught:
        workflow.run()
    assert str(caught.value) == "expected some of a, eyes, but got eyse; did you mean eyes? (item run::0)"


@pytest.mark.parametrize(
    "target, message",
    [
        (
            "test_workflow_parts.Chidl",
            "test_workflow_parts.Chidl was not found: test_workflow_parts has no Chidl; "
            "did you mean test_workflow_parts.Child?",
        ),
        (
            "fundus_mtI.X",
            "fundus_mtI.X was not found: the package fundus_mtI is not installed, or its name is misspelt.",
        ),
        (
            "monai.engines.trainr.X",
            "monai.engines.trainr.X was not found: monai.engines has no trainr; did you mean monai.engines.trainer?",
        ),
        ("Flpid", "MONAI has no Flpid; did you mean Flipd?"),
        ("torch.optim.SGD", "SGD.__init__() got an unexpected keyword argument 'max_epochs'"),
    ],
)
def test_a_target_that_cannot_be_made(capfd, make, target, message):
    """The innermost item is named, not the list that asked for it."""
    workflow = make(**{"train::trainer::_target_": target})
    with pytest.raises(WorkflowError):
        workflow.initialize()
    assert capfd.readouterr().err.splitlines()[-1].startswith(f"error: train::trainer: {message}")


def not_a_jpeg(item):
    raise ValueError("expected a JPEG, but got a PDF.")


def test_the_root_cause_behind_a_transform(make):
    from monai.data import DataLoader, Dataset
    from monai.transforms import Lambda

    loader = DataLoader(Dataset([1], Lambda(not_a_jpeg)))
    workflow = make(run=["$list(@names)"], names=loader)
    workflow.initialize()
    with pytest.raises(WorkflowError, match=r"^expected a JPEG, but got a PDF\.$"):
        workflow.run()


def test_the_root_cause_behind_a_worker():
    """As PyTorch hands an exception on from another process; a real worker takes five seconds to end."""
    from monai.transforms import Lambda, apply_transform
    from torch._utils import ExceptionWrapper

    try:
        apply_transform(Lambda(not_a_jpeg), 1)
    except RuntimeError:
        wrapped = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(RuntimeError, match="Caught RuntimeError in DataLoader worker") as caught:
        wrapped.reraise()
    assert explain(caught.value, {}) == "expected a JPEG, but got a PDF."


def test_ctrl_c_and_exits_pass(make):
    import builtins

    for error in (KeyboardInterrupt, SystemExit):
        workflow = make(run=[f"$(_ for _ in ()).throw({error.__name__}('x'))"])
        workflow.initialize()
        with pytest.raises(getattr(builtins, error.__name__)) as caught:
            workflow.run()
        assert not isinstance(caught.value, WorkflowError)


def test_sigterm_ends_a_run_so_that_handlers_can_close(make):
    before = signal.getsignal(signal.SIGTERM)
    workflow = make(run=[f"$__import__('os').kill({os.getpid()}, {int(signal.SIGTERM)})"])
    workflow.initialize()
    with pytest.raises(SystemExit) as caught:
        workflow.run()
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_merged_config_is_at_hand(make, bundle):
    name = overlay(bundle, "train::trainer::amp: '@#max_epochs'\nnames: ['%x', '@##y']")
    workflow = make(overlay=name, lr=0.5, names=["50 %", "a@b", "@@#"], run=["$@merged_config"])
    workflow.initialize()
    (text,) = workflow.run()
    known = json.loads(text)
    assert (known["lr"], known["names"], known["train"]["trainer"]["amp"]) == (
        0.5,
        ["50 %", "a@b", "@@#"],
        "@#max_epochs",
    )
    assert not {"_meta_", "merged_config"} & set(known)


def test_properties(make, bundle):
    names = yaml.safe_load(CONFIG)
    names["train"] |= {key: [] for key in ("dataset", "inferer", "handlers", "preprocessing")}
    names["train"]["dataset"] = {"data": []}
    names |= {"device": "cpu", "dataset_dir": ".", "network_def": 1}
    versions = ("version", "monai_version", "pytorch_version", "numpy_version")
    meta = dict.fromkeys([*versions, "description"], "1") | {"required_packages_version": {}}
    meta |= {"spatial_shape": [], "authors": "", "copyright": "", "task": "", "network_data_format": {}}
    (bundle / "metadata.json").write_text(json.dumps(meta))
    (bundle / "train.yaml").write_text(yaml.safe_dump(names))
    workflow = make(workflow_type="train")
    workflow.initialize()
    assert workflow.check_properties() == []
    assert workflow.max_epochs == 3
    workflow.parser.config["train"].pop("inferer")
    assert workflow.check_properties() == ["train_inferer"]
    inference = {"bundle_root": ".", "device": "cpu", "dataset_dir": ".", "dataset": {"data": []}, "evaluator": 1}
    inference |= {key: 1 for key in ("network_def", "inferer")}
    (bundle / "inference.yaml").write_text(yaml.safe_dump(inference))
    workflow = make(config_file="bundle/configs/inference.yaml", workflow_type="infer")
    workflow.initialize()
    assert workflow.check_properties() == []


def stock(**kwargs):
    return create_workflow(args_file="bundle/configs/args.yaml", **kwargs)


def test_through_monai_with_an_args_file(bundle, recwarn):
    """What MONAI loses on the way: the folder of the args file, None, and the plus sign."""
    args = {"workflow_name": "fundus_mtl.workflow.StrictWorkflow", "config_file": "train.yaml", "logging_file": False}
    (bundle / "args.yaml").write_text(yaml.safe_dump(args | {"lr": 0.5, "names": ["z"]}))
    workflow = stock(tracking_uri=None, run_id=None, **{"+names": ["c"], "+sizes": {"cup": 3}})
    assert isinstance(workflow, StrictWorkflow)
    assert workflow.parser["tracking_uri"] is None
    assert workflow.parser["lr"] == 0.5
    assert workflow.parser["sizes"] == {"disc": 1, "cup": 3}
    assert workflow.parser["bundle_root"] == "bundle"
    assert workflow.run_id == "run"
    with pytest.raises(WorkflowError, match="--max_epoch: no such item in bundle/configs/train.yaml"):
        stock(max_epoch=None)


def test_mlflow_by_monai_still_works(make):
    workflow = make(tracking="mlflow", experiment_name="x", output_dir="out")
    assert workflow.parser["experiment_name"] == "x"


def test_the_stock_command(bundle):
    args = {"workflow_name": "fundus_mtl.workflow.StrictWorkflow", "config_file": "train.yaml", "logging_file": False}
    (bundle / "args.yaml").write_text(yaml.safe_dump(args))
    command = [
        sys.executable,
        "-m",
        "monai.bundle",
        "run",
        "--args_file",
        "bundle/configs/args.yaml",
        "--max_epoch",
        "1",
    ]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"error: --max_epoch: no such item in {TRAIN}; did you mean max_epochs?"


@pytest.mark.parametrize("value", [12, 0.5, True])
def test_a_text_item_takes_no_number(make, bundle, value, capfd):
    """Python Fire makes a number of `--experiment_name 12`."""
    (bundle / "train.yaml").write_text(CONFIG + "experiment_name: mine\n")
    expected = f"--experiment_name {value}: the item is a text, write it in quotes within quotes: '\"{value}\"'"
    assert refused(capfd, make, experiment_name=value) == expected
    assert make(experiment_name=str(value)).parser["experiment_name"] == str(value)


def test_an_error_sends_no_escape_sequence_to_the_terminal(make, capfd):
    """Neither in the last line nor in the traceback for developers; line breaks in a name forge no line."""
    with pytest.raises(WorkflowError):
        make(config_file="no\x1b[2J\nerror: done.yaml")
    workflow = make(max_epochs="$(_ for _ in ()).throw(ValueError('a\x1b]0;title\x07'))")
    with pytest.raises(WorkflowError):
        workflow.initialize()
    printed = capfd.readouterr()
    assert r"a\x1b]0;title\x07" in printed.err
    assert "\x1b" not in printed.out + printed.err
    assert "error: done.yaml: no such config file" not in printed.err.splitlines()
