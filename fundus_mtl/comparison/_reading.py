"""Read a comparison from YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fundus_mtl.comparison._definition import Budget, Comparison, Method, Search, refuse_unknown
from fundus_mtl.comparison._kinds import MOST, check_kinds, check_numbers, check_positive
from fundus_mtl.files import read_yaml

_LISTS = ("folds", "seeds", "overlay", "train_overlay", "devices", "panel_metrics")
_DICTIONARIES = ("metrics", "options", "train_options", "evaluate_options", "tasks")


def read_comparison(path: str | Path, changes: Mapping[str, Any] | None = None) -> Comparison:
    """Read a comparison's YAML file.

    Args:
        path: path of the file.
        changes: values by key that replace those of the file; ``options.lr`` is the key ``lr`` of the dictionary
            ``options``.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if a key is unknown or a value is invalid.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a comparison's YAML file, but got {path}, which does not exist.")
    try:
        content = read_yaml(path)
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 1 if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else 1
        raise ValueError(
            f"{path.name}: expected a comparison in YAML, but got other text at line {line}; see "
            "bundles/*/configs/compare*.yaml."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    given = refuse_unknown(content, Comparison, path.name)
    for key, value in (changes or {}).items():
        _change(given, key, value)
    return _comparison(refuse_unknown(given, Comparison, path.name), path.name, path.resolve().parent)


def _change(given: dict[str, Any], key: str, value: Any) -> None:
    first, _, rest = key.partition(".")
    if not rest:
        given[first] = value
        return
    part = given.setdefault(first, {})
    if not isinstance(part, dict):
        raise ValueError(f"--set {key}: expected {first} to be a dictionary, but got {part!r}.")
    part[rest] = value


def _comparison(given: dict[str, Any], where: str, folder: Path) -> Comparison:
    for key in ("bundle", "methods", "metrics"):
        if not given.get(key):
            raise ValueError(f"{where}: expected {key}, but got none; see bundles/*/configs/compare*.yaml.")
    for key in [key for key in _LISTS if key in given]:
        given[key] = as_list(given[key], f"{where}: {key}")
    for key in [key for key in _DICTIONARIES if key in given]:
        if not isinstance(given[key], Mapping):
            raise ValueError(f"{where}: {key}: expected a dictionary, but got {given[key]!r}.")
    check_kinds(given, where)
    check_numbers(given, where)
    entries = as_list(given["methods"], f"{where}: methods")
    given["methods"] = tuple(read_method(entry, f"{where}: methods") for entry in entries)
    given["baseline"] = given.get("baseline") or given["methods"][0].name
    given["output_dir"] = Path(given.get("output_dir", Comparison.output_dir)).absolute()
    given["tracking_uri"] = given.get("tracking_uri") or _sqlite(given["output_dir"] / "mlflow.db")
    given["budget"] = read_budget(given.get("budget") or {}, f"{where}: budget")
    if given.get("search") is not None:
        given["search"] = read_search(given["search"], f"{where}: search")
    if given["tracking_uri"].strip().lower() == "none":
        raise ValueError(
            f"{where}: tracking_uri: expected an address of MLflow, but got none; leave it out to use a file."
        )
    comparison = Comparison(**given, folder=folder)
    _check_names(comparison, where)
    return comparison


def _sqlite(path: Path) -> str:
    return f"sqlite:///{quote(path.as_posix(), safe='/:')}"


def _check_names(comparison: Comparison, where: str) -> None:
    names = [method.name for method in comparison.methods]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{where}: methods: expected every name once, but got {twice[0]} several times.")
    searched = (comparison.search.methods or ()) if comparison.search else ()
    single = () if comparison.single_task is None else (comparison.single_task,)
    _check_known(f"{where}: baseline", (comparison.baseline,), names)
    _check_known(f"{where}: search: methods", searched, names)
    _check_known(f"{where}: single_task", single, names)
    for key in ("test_against", "panel_method"):
        _check_known(f"{where}: {key}", [name for name in [getattr(comparison, key)] if name is not None], names)
    if single and not comparison.tasks:
        raise ValueError(f"{where}: expected tasks beside single_task, but got none; write {{task: [metric, ...]}}.")
    if set(single) & set(searched):
        raise ValueError(
            f"{where}: search: methods: expected no single-task method, but got {comparison.single_task}; leave it out."
        )
    directions = [*comparison.metrics.values(), *([comparison.search.direction] if comparison.search else [])]
    _check_known(f"{where}: metrics", directions, ("higher", "lower"))
    listed = [name for of_task in comparison.tasks.values() for name in of_task]
    _check_known(f"{where}: tasks", listed, list(comparison.metrics))
    _check_known(f"{where}: panel_metrics", comparison.panel_metrics, list(comparison.metrics))


def _check_known(where: str, given: Iterable[Any], known: Collection[str]) -> None:
    if unknown := [entry for entry in given if entry not in known]:
        raise ValueError(f"{where}: expected one of {', '.join(known)}, but got {unknown[0]}.")


def read_budget(entry: Any, where: str) -> Budget:
    """Return a budget; see `Budget`."""
    given = refuse_unknown(entry, Budget, where)
    check_positive(given.get("epochs"), int, f"{where}: epochs")
    check_positive(given.get("minutes"), (int, float), f"{where}: minutes")
    return Budget(**given)


def read_method(entry: Any, where: str) -> Method:
    """Return a method, given by its name or as a dictionary; see `Method`."""
    given = refuse_unknown({"name": entry} if isinstance(entry, str) else entry, Method, where)
    if not isinstance(given.get("name"), str) or not given["name"].replace("_", "").replace("-", "").isalnum():
        raise ValueError(f"{where}: expected a name of letters, digits, - and _, but got {given.get('name')!r}.")
    for key in ("overlays", "task_names"):
        if given.get(key) is not None:
            given[key] = as_list(given[key], f"{where}: {key}")
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
    if not isinstance(given.get("trials"), int) or not 1 <= given["trials"] <= MOST:
        raise ValueError(f"{where}: expected trials, 1 to {MOST}, but got {given.get('trials')!r}.")
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
