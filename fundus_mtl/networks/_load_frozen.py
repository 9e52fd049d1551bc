"""Start from a trained network: keep what it learned, and train only some parts, such as a new head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fundus_mtl.networks._load_weights import load_weights


def load_frozen(network: nn.Module, path: str | Path, learn: Sequence[str]) -> None:
    """Load the weights of a trained network except for some parts, and freeze everything but those parts.

    The answers of the frozen part stay the same to the last bit: its parameters get no gradients, and its batch norms and
    dropouts stay in evaluation mode during the training.

    Args:
        network: Network to train.
        path: ``model.pt`` of a training whose network is the same, with or without the parts in ``learn``.
        learn: Parts that are trained, as starts of the names of their tensors, such as ``heads.glaucoma``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a part is not one of the network's, or the file does not fit, see `load_weights`.
    """
    names = list(network.state_dict())
    if unknown := [part for part in learn if not any(_is_in(name, [part]) for name in names)]:
        raise ValueError(
            f"learn: expected parts of the network, such as {names[-1].rpartition('.')[0]}, but got {unknown[0]}."
        )
    load_weights(network, path, without=[name for name in names if _is_in(name, learn)])
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_is_in(name, learn))
    for name, module in network.named_modules():
        if not list(module.children()) and not _is_in(name, learn):
            module.register_forward_pre_hook(_as_in_evaluation)


def _is_in(name: str, parts: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _as_in_evaluation(module: nn.Module, _: Any) -> None:
    module.eval()
