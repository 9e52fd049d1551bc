"""The root cause behind MONAI's wrappers, and the item of the config in which it was raised."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any

from fundus_mtl.suggestions import did_you_mean
from fundus_mtl.workflow._items import look_up, split

# How the messages of MONAI 1.6.1's wrappers begin.
_WRAPPERS = ("Failed to evaluate", "Failed to instantiate component", "applying transform")
_WORKER = re.compile(r"Caught \w+ in (?:DataLoader worker|replica|pin memory)")
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Warning)): (.*)$", re.MULTILINE)
_NOT_LOCATED = re.compile(r"Cannot locate class or function path: '(.*)'")
_NOT_DEFINED = re.compile(r"the referring item `@(.*)` is not defined")
_OTHER_WEIGHTS = re.compile(r"Error\(s\) in loading state_dict for (\w+)")
_REFERENCE = re.compile(r"@([\w:#]+)")
_MONAI_PARTS = ("transforms", "networks.nets", "losses", "inferers", "engines", "handlers", "metrics", "data")


def unwrapped(error: BaseException) -> BaseException:
    """Return the first exception along the causes that is no wrapper of MONAI.

    Not the last one: in ``raise ValueError("a good sentence") from KeyError(3)`` the sentence is worth more.
    """
    while str(error).startswith(_WRAPPERS) and (inner := _cause(error)) is not None:
        error = inner
    return error


def config_id(error: BaseException) -> str | None:
    """Return the id of the innermost config item that was being resolved; None outside of MONAI's resolver."""
    found = None
    for link in _chain(error):
        for frame in _frames(link.__traceback__):
            if frame.tb_frame.f_code.co_name == "_resolve_one_item":
                found = frame.tb_frame.f_locals.get("id", found)
    return found


def explain(error: BaseException, config: Mapping[str, Any], where: str | None = None) -> str:
    """Return the root cause as a sentence, with advice for frequent errors.

    Args:
        error: The exception, with its causes.
        config: Merged config, whose top-level ids a missing reference may have meant.
        where: Id of the item in which it was raised, see `config_id`.
    """
    root = unwrapped(error)
    text = str(root)
    if isinstance(root, KeyError) and where is not None and (sentence := _unknown_key(root, config, where)):
        return sentence
    if match := _NOT_LOCATED.search(text):
        return _not_located(match[1])
    if match := _NOT_DEFINED.search(text):
        close = get_close_matches(match[1], [str(key) for key in config], n=3)
        return f"@{match[1]} is not defined" + (f"; did you mean @{' or @'.join(close)}?" if close else ".")
    if match := _OTHER_WEIGHTS.match(text):
        return (
            f"expected weights of this {match[1]}, but got those of another network; give the command the options that its "
            "training had, also those that shape the network (network_module, task_names, width and others; `fundus-mtl "
            "infer` takes them from recipe.json)."
        )
    if _WORKER.match(text):
        raised = [message for _, message in _RAISED.findall(text) if not message.startswith(_WRAPPERS)]
        return raised[-1] if raised else text.splitlines()[0]
    if isinstance(root, FileNotFoundError) and root.filename is not None:
        return f"no such file or folder: {root.filename}"
    if not text or isinstance(root, (LookupError, AssertionError)):
        return f"{type(root).__name__}: {text}".removesuffix(": ")
    cause = root.__cause__
    because = (
        "" if cause is None or isinstance(cause, LookupError) else f" (because of {type(cause).__name__}: {cause})"
    )
    return text + because


def _unknown_key(error: KeyError, config: Mapping[str, Any], where: str) -> str | None:
    """Return a sentence about a key that the dictionaries of an expression do not have; None if there are none."""
    key, expression = error.args[0], look_up(config, split(where))
    referred = [look_up(config, split(name)) for name in _REFERENCE.findall(str(expression))]
    known = [str(name) for item in referred if isinstance(item, dict) for name in item]
    if not isinstance(key, str) or not known or key in known:
        return None
    return f"expected some of {', '.join(known)}, but got {key}{did_you_mean(key, known)}"


def _not_located(path: str) -> str:
    package, _, name = path.rpartition(".")
    if not package:
        names = {entry for part in _MONAI_PARTS for entry in dir(importlib.import_module(f"monai.{part}"))}
        return f"MONAI has no {name}" + _suggest("", name, names)
    if importlib.util.find_spec(path.split(".")[0]) is None:
        return f"{path} was not found: the package {path.split('.')[0]} is not installed, or its name is misspelt."
    while package and not _importable(package):
        package, _, name = package.rpartition(".")
    return f"{path} was not found: {package} has no {name}" + _suggest(
        f"{package}.", name, dir(importlib.import_module(package))
    )


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent is no package
        return False


def _suggest(prefix: str, name: str, names: Any) -> str:
    close = get_close_matches(name, [entry for entry in sorted(names) if not entry.startswith("_")], n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else "; is the name misspelt, or the version too old?"


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = _cause(error)


def _frames(link: TracebackType | None) -> Iterator[TracebackType]:
    while link is not None:
        yield link
        link = link.tb_next
