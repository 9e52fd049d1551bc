"""The entries of a comparison's file: a method, a budget, a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fundus_mtl.comparison._config import Budget, Method, Search, refuse_unknown


def check_positive(value: Any, kind: Any, where: str) -> None:
    """Refuse what is no positive number; None is left to the default."""
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or value <= 0):
        raise ValueError(f"{where}: expected a positive number, but got {value!r}.")


def read_budget(entry: Any, where: str) -> Budget:
    """Return a budget; see `Budget`."""
    given = refuse_unknown(entry, Budget, where)
    check_positive(given.get("epochs"), int, f"{where}: epochs")
    check_positive(given.get("minutes"), (int, float), f"{where}: minutes")
    return Budget(**given)


def read_method(entry: Any, where: str) -> Method:
    """Return a method, given by its name or in full; see `Method`."""
    given = refuse_unknown({"name": entry} if isinstance(entry, str) else entry, Method, where)
    if not isinstance(given.get("name"), str) or not given["name"].replace("_", "").replace("-", "").isalnum():
        raise ValueError(f"{where}: expected a name of letters, digits, - and _, but got {given.get('name')!r}.")
    if given.get("task_names") is not None:
        given["task_names"] = as_list(given["task_names"], f"{where}: task_names")
    return Method(**given | {"overlay": given.get("overlay") or given["name"]})


def read_search(entry: Any, where: str) -> Search:
    """Return a search; see `Search`."""
    given = refuse_unknown(entry, Search, where)
    if not isinstance(given.get("space"), Mapping) or not given["space"]:
        raise ValueError(
            f"{where}: expected a space such as {{lr: {{low: 0.001, high: 0.1, log: true}}}}, but got none."
        )
    for name, part in given["space"].items():
        if not isinstance(part, Mapping) or not ({"low", "high"} <= set(part) or set(part) == {"choices"}):
            raise ValueError(f"{where}: {name}: expected low and high, or choices, but got {part!r}.")
    if not isinstance(given.get("trials"), int) or given["trials"] < 1:
        raise ValueError(f"{where}: expected trials, one or more, but got {given.get('trials')!r}.")
    if given.get("methods") is not None:
        given["methods"] = as_list(given["methods"], f"{where}: methods")
    return Search(**given)


def as_list(value: Any, where: str) -> tuple[Any, ...]:
    """Return a list as a tuple, and a single value as a list of one."""
    if isinstance(value, (str, int)) or value is None:
        return (value,)
    if not isinstance(value, Sequence):
        raise ValueError(f"{where}: expected a list, but got {value!r}.")
    return tuple(value)
