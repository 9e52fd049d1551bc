"""Handlers of the bundles have names, and MONAI's own checks and options still work."""

from __future__ import annotations

import pytest
from monai.bundle import ConfigParser
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS

from fundus_mtl.workflow._named_handlers import add_tracking, validation_refers_to
from tests.bundles.conftest import BUNDLES, workflow

TRAINABLE = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/train.yaml"))
HANDLERS = ["StepCost", "LrSchedule", "ProgressBar", "ValidationHandler", "StatsHandler", "BestModelSaver"]


def names(handlers):
    return [type(handler).__name__ for handler in handlers]


def handlers_of(tmp_path, kind="train", **overrides):
    """Return the handlers that the trainer of a bundle is given."""
    made = workflow("digits_mtl", kind, output_dir=str(tmp_path), tracking_uri=None, **overrides)
    parser = made.parser
    parser["train::trainer"] = "@train::trainer_handlers"
    parser["train::trainer_handlers"] = "$[each for each in @train::handlers.values() if each is not None]"
    return parser.get_parsed_content("train::trainer_handlers")


def test_the_order_is_that_of_the_file(tmp_path):
    assert names(handlers_of(tmp_path)) == HANDLERS
    assert names(handlers_of(tmp_path, max_minutes=3, balance_interval=2)) == [
        *HANDLERS[:-1],
        "TaskBalance",
        "BestModelSaver",
        "TimeBudget",
    ]


def test_the_time_budget_knows_the_step_cost(tmp_path):
    handlers = handlers_of(tmp_path, max_minutes=3)
    assert handlers[-1].cost is handlers[0]


@pytest.mark.parametrize(
    "change", [{"train::handlers::progress": None}, {"train::handlers::progress::_disabled_": True}]
)
def test_a_handler_is_left_out_by_its_name(change, tmp_path):
    assert names(handlers_of(tmp_path, **change)) == [name for name in HANDLERS if name != "ProgressBar"]


def test_a_handler_is_replaced_in_its_place_and_another_one_added(tmp_path):
    own = {"_target_": "GarbageCollector"}
    changed = handlers_of(tmp_path, **{"train::handlers::progress": own, "+train::handlers": {"mine": own}})
    assert names(changed) == [*HANDLERS[:2], "GarbageCollector", *HANDLERS[3:], "GarbageCollector"]


def test_a_misspelt_name_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        handlers_of(tmp_path, **{"train::handlers::progres": None})
    assert "did you mean train::handlers::progress" in str(stopped.value)


@pytest.mark.parametrize("bundle", TRAINABLE)
def test_no_position_of_a_list_is_referred_to(bundle):
    import re

    for path in (BUNDLES / bundle).rglob("*.yaml"):
        assert not re.findall(r"@[\w:]*handlers::\d", path.read_text()), path


def test_the_validation_handler_refers_to_the_evaluator():
    right = {"_target_": "ValidationHandler", "validator": "@validate::evaluator", "interval": "$1 + 1"}
    handlers = {"other": "@best_model", "none": None, "validation": right}
    assert validation_refers_to(handlers, "validator", "validate::evaluator")
    assert validation_refers_to(handlers, "interval", "val_interval")
    right["validator"] = "@evaluator"
    assert not validation_refers_to(handlers, "validator", "validate::evaluator")


def test_a_wrong_reference_is_among_the_properties_that_are_listed(tmp_path):
    wrong = {"train::handlers::validation::interval": "@max_epochs"}
    made = workflow("digits_mtl", "train", output_dir=str(tmp_path), tracking_uri=None, **wrong)
    made.initialize()
    assert made.check_properties() == ["val_interval"]


def test_monais_tracking_joins_handlers_by_name():
    settings = DEFAULT_EXP_MGMT_SETTINGS["mlflow"]
    parser = ConfigParser({"train": {"handlers": {"mine": 1}}, "validate": {"handlers": [2]}, "handlers": None})
    left = add_tracking(parser, settings)
    assert list(parser["train::handlers"]) == ["mine", "tracking"]
    assert parser["train::handlers::tracking"] == settings["configs"]["trainer"]
    assert parser["validate::handlers"] == [2]  # MONAI's own affair
    assert set(settings["configs"]) - set(left["configs"]) == {"trainer"}


def test_a_bundle_takes_monais_tracking(tmp_path):
    given = {"output_dir": str(tmp_path), "experiment_name": "x", "tracking": "mlflow", "save_execute_config": False}
    made = workflow("digits_mtl", "train", **given)
    for part in ("train", "validate"):
        assert list(made.parser[f"{part}::handlers"])[-1] == "tracking"
