"""Load trained weights into a network, after checks that every tensor is what the network needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fundus_mtl.files import read_torch_file

_NAMED = 3  # tensors that a message lists


def load_weights(network: nn.Module, path: str | Path, without: Collection[str] = ()) -> None:
    """Load a file of weights into a network, whatever device it is on. Nothing is loaded if anything is wrong.

    Args:
        network: Network that the weights were trained with.
        path: File of its ``state_dict``, such as ``model.pt``.
        without: Names of tensors of the network that keep their values, whether the file has them or not.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a ``state_dict``; or a tensor is missing, is not one of the network's, or has another shape
            or kind of numbers; or a number is not finite.
    """
    content = _state_dict(read_torch_file(path), path)
    tensors = {name: tensor for name, tensor in content.items() if name not in without}
    own = {name: tensor for name, tensor in network.state_dict().items() if name not in without}
    if tensors.keys() != own.keys():
        missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
        faults = [f"missing {_listed(missing)}"] * bool(missing) + [f"not known {_listed(unknown)}"] * bool(unknown)
        raise _other_network(network, path, ", ".join(faults))
    shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if tensors[name].shape != tensor.shape
    ]
    if shapes:
        raise _other_network(network, path, _listed(shapes))
    _check_numbers(tensors, own, path)
    network.load_state_dict(tensors, strict=not without)


def _state_dict(content: Any, path: str | Path) -> Mapping[str, Tensor]:
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{path}: expected a state_dict, tensors by name, but got a {type(content).__name__}; save network.state_dict()."
        )
    others = [str(name) for name, value in content.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if others or not content:
        raise ValueError(
            f"{path}: expected a state_dict, tensors by name, but got {_listed(others) or 'an empty one'}; give model.pt of "
            "a training, not its state for a resume."
        )
    return content


def _check_numbers(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], path: str | Path) -> None:
    """Check kind and values of tensors that have the network's shapes.

    Raises:
        ValueError: If one of them is of another kind, or not finite in the network's precision.
    """
    kinds = [
        f"{name} as {str(tensors[name].dtype).removeprefix('torch.')} instead of {str(tensor.dtype).removeprefix('torch.')}"
        for name, tensor in own.items()
        if _kind(tensors[name]) != _kind(tensor)
    ]
    if kinds:
        raise ValueError(f"{path}: expected weights of the network's kind, but got {_listed(kinds)}; save them again.")
    broken = [name for name, tensor in own.items() if not bool(tensors[name].to(tensor.dtype).isfinite().all())]
    if broken:
        raise ValueError(f"{path}: expected finite weights, but got NaN or infinity in {_listed(broken)}; train again.")


def _kind(tensor: Tensor) -> tuple[bool, bool, bool, torch.layout]:
    """Return what a copy into another tensor would lose in silence."""
    return tensor.is_floating_point(), tensor.is_complex(), tensor.dtype == torch.bool, tensor.layout


def _other_network(network: nn.Module, path: str | Path, fault: str) -> ValueError:
    return ValueError(
        f"{path}: expected weights of this {type(network).__name__}, but got those of another network; {fault}; give the "
        "options of the training that shape the network (network_module, task_names, width and others), which "
        "`fundus-mtl infer` takes from recipe.json."
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
