"""Which parameters an item's ``_target_`` takes, whether the config spells them out or not."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pydoc import locate
from typing import Any

from monai.bundle.config_item import ConfigComponent

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters(item: Any) -> set[str] | None:
    """Return the keys that a config item with a ``_target_`` may have.

    Args:
        item: Any part of a config.

    Returns:
        Parameter names and MONAI's own keys (``_disabled_`` …); an empty set if the item has no ``_target_``; None if
        any key is allowed or it is unknown: the ``_target_`` is an expression, cannot be found (MONAI reports that), or
        accepts ``**kwargs`` and so do all its ancestors.
    """
    if not ConfigComponent.is_instantiable(item):
        return set()
    target = item["_target_"]
    if isinstance(target, str):
        if target.startswith(("$", "@", "%")):
            return None
        target = locate(ConfigComponent(item).resolve_module_name())
    names = _named(target)
    return None if names is None else names | set(ConfigComponent.non_arg_keys)


def _named(target: Any) -> set[str] | None:
    """Return the named parameters of a callable; a class adds its ancestors' up to the first without ``**kwargs``."""
    makers = [target]
    if inspect.isclass(target):
        makers = [vars(base)["__init__"] for base in inspect.getmro(target)[:-1] if "__init__" in vars(base)]
    names: set[str] = set()
    for maker in makers:
        try:
            known: Mapping[str, inspect.Parameter] = inspect.signature(maker).parameters
        except (TypeError, ValueError):  # None, or written in C
            return None
        names |= {name for name, parameter in known.items() if parameter.kind in _NAMED and name != "self"}
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values()):
            return names
    return None
