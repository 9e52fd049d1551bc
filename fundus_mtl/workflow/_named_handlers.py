"""Handlers by name where MONAI 1.6.1 knows only lists: its check of properties, and its ``--tracking``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.utils import ID_REF_KEY

# MONAI's properties that it looks for among the arguments of the training's ValidationHandler.
OF_VALIDATION = ("evaluator", "val_interval")
TRACKING = "tracking"


def validation_refers_to(handlers: Mapping[str, Any], argument: str, item_id: str) -> bool:
    """Return whether an argument of the ``ValidationHandler``, if it is a reference, refers to the right item.

    Args:
        handlers: Config of each handler by name.
        argument: Name of the argument.
        item_id: Id that it should refer to.
    """
    given = [
        handler.get(argument)
        for handler in handlers.values()
        if isinstance(handler, dict) and handler.get("_target_") == "ValidationHandler"
    ]
    return all(
        not isinstance(value, str) or value.startswith("$") or value == f"{ID_REF_KEY}{item_id}" for value in given
    )


def add_tracking(parser: ConfigParser, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Add the handlers of MONAI's ``tracking`` option to handlers by name, as ``tracking``.

    Args:
        parser: Config, changed in place.
        settings: See ``DEFAULT_EXP_MGMT_SETTINGS`` of MONAI.

    Returns:
        The settings without the handlers that were added.
    """
    configs = dict(settings["configs"])
    for engine, where in settings["handlers_id"].items():
        named = parser.get(where["handlers"])
        if isinstance(named, dict) and engine in configs:
            named[TRACKING] = configs.pop(engine)
    return {**settings, "configs": configs}
