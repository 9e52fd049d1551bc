"""Save and restore the state of a third-party rule: what changed since it was built, in types a checkpoint can hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MODULE_INTERNALS = frozenset(nn.Module().__dict__) - {"training"}


class _OpaqueError(TypeError):
    """A value that is not built from numbers, strings, tensors, arrays and containers of them."""


def captured(rule: nn.Module, original: nn.Module) -> dict[str, Any]:
    """Return the attributes and buffers of a rule that changed since it was built.

    Registered buffers are not enough: some rules keep step counters and solver variables in plain attributes, and
    some reset themselves if the key of their state (tasks, dtype) is missing. Objects that a rule created in its
    first call (a compiled solver problem) are not saved. Only their names are saved; another first call recreates them.

    Returns:
        ``{"type": class name, "attributes": {module: {name: value}}, "rebuilt": {module: [name]}}``.

    Raises:
        TypeError: if an attribute that was set at construction has changed and cannot be saved.
    """
    state: dict[str, Any] = {"type": type(rule).__name__, "attributes": {}, "rebuilt": {}}
    for (path, module), (_, before) in zip(rule.named_modules(), original.named_modules(), strict=True):
        old = _slots(before)
        for name, value in _slots(module).items():
            if _unchanged(value, old.get(name)):
                continue
            try:
                state["attributes"].setdefault(path, {})[name] = _encode(value)
            except _OpaqueError as error:
                if old.get(name) is not None:
                    raise TypeError(
                        f"TorchJD: expected {type(rule).__name__} to keep its state in tensors, arrays and numbers, but got "
                        f"a changed {type(value).__name__} as {name!r}, which no checkpoint can hold; use another rule."
                    ) from error
                state["rebuilt"].setdefault(path, []).append(name)
    return state


def restore(rule: nn.Module, state: Mapping[str, Any]) -> None:
    """Write a captured state into a newly built rule; if the state lists rebuilt objects, call the rule once before.

    Raises:
        KeyError: if the rule lacks a part of the state, or did not recreate one of its objects.
    """
    modules = dict(rule.named_modules())
    if state["type"] != type(rule).__name__ or not set(modules) >= {*state["attributes"], *state["rebuilt"]}:
        raise KeyError(
            f"TorchJD: expected the state of {rule!r}, but got {state['type']}'s; resume with the same rule."
        )
    for path, names in state["rebuilt"].items():
        if missing := [name for name in names if _slots(modules[path]).get(name) is None]:
            raise KeyError(
                f"TorchJD: expected {rule!r} to create {missing} in its first call, but it did not; resume with the same "
                "rule."
            )
    for path, values in state["attributes"].items():
        for name, value in values.items():
            module = modules[path]
            slots = module._buffers if name in module._buffers else module.__dict__
            slots[name] = _decode(value)


def _slots(module: nn.Module) -> dict[str, Any]:
    own = {name: value for name, value in module.__dict__.items() if name not in MODULE_INTERNALS}
    return own | module._buffers


def _unchanged(value: Any, old: Any) -> bool:
    if value is old or type(value) is not type(old):
        return value is old
    try:
        return pickle.dumps(_encode(value)) == pickle.dumps(_encode(old))
    except _OpaqueError:
        pass
    try:
        return pickle.dumps(value) == pickle.dumps(old)
    except (pickle.PicklingError, TypeError, AttributeError):  # raised for locks, handles, local functions
        return False


def _encode(value: Any) -> Any:
    """Return the value in types that ``torch.load(weights_only=True)`` reads; other types become tagged dicts."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        return {"tensor": value.detach().clone(), "device": str(value.device)}
    if isinstance(value, np.ndarray):
        return {"array": torch.from_numpy(value.copy())}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"place": str(value)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_encode(item) for item in value]}
    raise _OpaqueError(type(value).__name__)


def _decode(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return value["tensor"].clone().to(value["device"])
    kind, content = next(iter(value.items()))
    readers = {
        "array": lambda: content.cpu().numpy().copy(),
        "dtype": lambda: getattr(torch, content),
        "place": lambda: torch.device(content),
        "dict": lambda: {key: _decode(item) for key, item in content.items()},
        "list": lambda: [_decode(item) for item in content],
        "tuple": lambda: tuple(_decode(item) for item in content),
    }
    return readers[kind]()
