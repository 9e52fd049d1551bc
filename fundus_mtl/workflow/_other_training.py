"""Refuse an evaluation of weights that were trained with another network or input; it would give wrong numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.workflow._bundle_folder import find_bundle
from fundus_mtl.workflow._config_items import first_part
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._items import look_up, split
from fundus_mtl.workflow._merge import load, merge_files
from fundus_mtl.workflow._recipe import COMMON, RECIPE_FILE, Recipe, read_recipe
from fundus_mtl.workflow._workflow import StrictWorkflow

_SHAPED_BY = ("network", "preprocessing")  # items that decide what the network is and what it gets
_REFERENCE = re.compile(r"[@%]([\w:#]+)")


def refuse_other_training(workflow: StrictWorkflow, overlays: Sequence[Path] = ()) -> None:
    """Compare the network and its input with the recipe beside the weights of an evaluation.

    Weights without a recipe, or with that of other weights, are not checked.

    Args:
        workflow: Workflow of an evaluation, before it runs.
        overlays: Overlay files that it was given.

    Raises:
        RefusedError: If there are no weights, or an item differs; the message says what to add to the command.
    """
    config, weights = workflow.parser.get(), Path(str(workflow.parser.get_parsed_content("ckpt_path")))
    if not weights.is_file():
        raise RefusedError(
            f"{weights}: expected the weights of a training, but got no file; train first, or give the output_dir of the "
            "training."
        )
    if not (weights.parent / RECIPE_FILE).is_file():
        return
    recipe = read_recipe(weights)
    bundle = find_bundle(str(config["bundle_root"]), Path())
    common = merge_files([bundle.root / "configs" / COMMON], [])
    trained = recipe.overrides(common, (*bundle.overlay_folders, *overlays))
    shaping = set(_needed(config, _SHAPED_BY))
    differing = [
        item for item, value in trained.items() if first_part(item) in shaping and look_up(config, split(item)) != value
    ]
    if differing:
        added = " ".join(_arguments(recipe, bundle.methods, shaping & set(common)))
        raise RefusedError(
            f"{weights}: expected the network and input of its training, but got other values of {', '.join(differing)}; "
            f"add {added}."
        )


def _needed(config: Mapping[str, Any], items: Sequence[str]) -> Iterator[str]:
    """Yield items at the top of a config, and those that they refer to, directly or not."""
    known, todo = set[str](), list(items)
    while todo:
        item = todo.pop()
        if item not in known and item in config:
            known.add(item)
            yield item
            todo += [first_part(name) for name in _REFERENCE.findall(str(config[item]))]


def _arguments(recipe: Recipe, methods: Path, shaping: set[str]) -> Iterator[str]:
    """Yield the arguments of ``fundus-mtl evaluate`` that repeat a training."""
    for name in recipe.overlays:
        method = methods / name
        if not method.is_file():
            yield f"--overlay {name.removesuffix('.yaml')}"
        elif shaping & {first_part(item) for item in load(method)}:
            yield f"--method {method.stem}"
    for item, value in recipe.options.items():
        if first_part(item) in shaping:
            yield f"{item}={value if isinstance(value, str) else json.dumps(value)}"
