"""``metadata.json`` of an exported bundle: what its weights, not only its tasks by default, read and answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from monai.bundle import ConfigParser

from fundus_mtl.tasks import Task

BACKGROUND = "background"
_FROM_0_TO_1 = frozenset({"sigmoid", "softmax"})


@dataclass(frozen=True)
class Described:
    """What a configuration says of its network.

    Args:
        tasks: Tasks of the network, in its order.
        input_shape: Channels, height and width of the network's input.
        network: Name of the network's class.
        note: What the configuration says of the weights; None for nothing.
    """

    tasks: Sequence[Task]
    input_shape: tuple[int, int, int]
    network: str
    note: str | None


def described(config: Mapping[str, Any]) -> Described:
    """Return what the configuration of an exported inference says of its network.

    Args:
        config: The whole configuration, with the items of ``stock.yaml``.
    """
    parser = ConfigParser(dict(config))
    whole = parser.get_parsed_content("network_def")
    return Described(
        whole.network.tasks, whole.input_shape, type(whole.network).__name__, parser.get_parsed_content("note")
    )


def exported_metadata(metadata: Mapping[str, Any], parts: Described) -> dict[str, Any]:
    """Return the metadata of a bundle whose network answers one tensor ``pred``, see `OneTensorNetwork`.

    Args:
        metadata: Metadata of the bundle in the package, with an output for every task that it can have.
        parts: What the configuration says of the network.
    """
    tasks, input_shape = parts.tasks, parts.input_shape
    made = deepcopy(dict(metadata))
    image = made["network_data_format"]["inputs"]["image"]
    image |= {"num_channels": input_shape[0], "spatial_shape": list(input_shape[1:])}
    outputs = made["network_data_format"]["outputs"]
    names = _channels(tasks, outputs)
    dense = any(task.dense for task in tasks)
    made["network_data_format"]["outputs"] = {
        "pred": {
            "type": "image" if dense else "probabilities",
            "format": "segmentation" if dense else "classes",
            "num_channels": len(names),
            "spatial_shape": image["spatial_shape"] if dense else [1],
            "dtype": "float32",
            "value_range": _value_range(tasks),
            "is_patch_data": image["is_patch_data"],
            "channel_def": {str(number): name for number, name in enumerate(names)},
        }
    }
    listed = ", ".join(task.name for task in tasks)
    made["task"] = f"{made['task'].split(':')[0]}: {listed}"
    made["description"] = " ".join(
        filter(
            None, (f"{parts.network} with the tasks {listed}.", parts.note, "Research use only. Not a medical device.")
        )
    )
    made["pred_classes"] = "; ".join(f"channel {number}: {name}" for number, name in enumerate(names))
    return made


def _channels(tasks: Sequence[Task], outputs: Mapping[str, Any]) -> list[str]:
    """Return what each channel is, in the order of `OneTensorNetwork`."""
    dense = [task for task in tasks if task.dense]
    ordered = dense + [task for task in tasks if not task.dense]
    several = len(tasks) > 1 and not dense
    names = [BACKGROUND] if dense else []
    for task in ordered:
        known = outputs.get(task.name, {}).get("channel_def", {})
        before = f"{task.name} " if several else ""
        for number in map(str, range(task.channels)):
            plain = task.name if task.channels == 1 else f"{task.name} {number}"
            names.append(f"{before}{known[number]}" if number in known else plain)
    return names


def _value_range(tasks: Sequence[Task]) -> list[int]:
    """Return the range of all channels; none if an activation has no limits, as MONAI's specification says."""
    return [0, 1] if all(task.activation in _FROM_0_TO_1 for task in tasks) else []
