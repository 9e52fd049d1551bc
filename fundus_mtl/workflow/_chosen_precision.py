"""What ``amp: auto`` means on this machine, written into the configuration before it is hashed and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser

from fundus_mtl.precision import AUTO, Precision
from fundus_mtl.workflow._device import DEVICE, with_device
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._verbatim import keep_text

AMP = "amp"


def chosen_precision(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item ``amp`` with the name of the precision, if the config leaves the choice to the machine.

    Hashes, recipes and MLflow then contain the choice. A config without ``amp: auto`` gives no item.

    Args:
        config: Merged config; its ``device`` is evaluated.

    Raises:
        RefusedError: If ``amp`` is a text that names no precision.
    """
    amp = config.get(AMP)
    if not isinstance(amp, str) or amp.startswith(("$", "@", "%")):
        return {}
    try:
        named = Precision.of(amp, "cpu").name
    except ValueError as error:
        raise RefusedError(str(error)) from error
    if amp != AUTO:
        return {}
    if DEVICE not in config:
        return {AMP: named}
    device = ConfigParser(keep_text(with_device(config))).get_parsed_content(DEVICE)
    return {AMP: Precision.of(amp, device).name}
