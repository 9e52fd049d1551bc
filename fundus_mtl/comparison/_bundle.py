"""The files of a bundle, and the items of its configs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._definition import Method

_ORDER = "_after_"  # which files come before this one; no item


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Args:
        root: folder of the bundle, which contains ``configs``.
        methods: folder of the methods' overlays.
        beside: folder of the comparison's file, which is searched for overlays too.
    """

    root: Path
    methods: Path
    beside: Path

    @property
    def train_args(self) -> Path:
        """The args file of the training."""
        return self.root / "configs" / "args.yaml"

    @property
    def evaluate_args(self) -> Path:
        """The args file of the evaluation."""
        return self.root / "configs" / "args_evaluate.yaml"

    def method_overlay(self, method: Method) -> Path:
        """Return the overlay of a method.

        Raises:
            FileNotFoundError: if no overlay has this name.
        """
        name = method.overlay
        if (found := self.methods / f"{name}.yaml").is_file():
            return found
        if name.endswith((".yaml", ".yml")):
            return self.overlay(name)
        known = sorted(path.stem for path in self.methods.glob("*.yaml"))
        close = get_close_matches(name, known, n=1)
        advice = f"did you mean {close[0]}?" if close else f"take one of {', '.join(known)}."
        raise FileNotFoundError(f"methods: expected a method of the bundles, but got {name}; {advice}")

    def overlay(self, name: str) -> Path:
        """Return an overlay from the bundle, the folder of the comparison's file, or the working folder.

        Raises:
            FileNotFoundError: if none of these folders has it.
        """
        for folder in (self.root / "configs" / "overlays", self.beside, Path()):
            if (found := folder / name).is_file():
                return found.absolute()
        raise FileNotFoundError(
            f"overlay: expected a file of the bundle {self.root.name}, but got {name}, which was not found."
        )

    def shared_items(self, overlay: Path) -> dict[str, Any]:
        """Return the items of a method's overlay that the evaluation has too, such as the choice of the network."""
        known = items_of(self.evaluate_args)
        return {key: value for key, value in _read(overlay).items() if first_part(key) in known}


def find_bundle(name: str, beside: Path) -> Bundle:
    """Return an installed bundle by name, or the bundle in a folder.

    Raises:
        FileNotFoundError: if the bundle does not exist.
    """
    installed = Path(str(files("fundus_mtl.bundles")))
    for root in (Path(name).absolute(), beside / name, installed / name):
        if (root / "configs" / "args.yaml").is_file() and (root / "configs" / "args_evaluate.yaml").is_file():
            return Bundle(root.resolve(), installed / "methods", beside)
    known = sorted(path.parent.parent.name for path in installed.glob("*/configs/args.yaml"))
    raise FileNotFoundError(f"bundle: expected a path or one of {', '.join(known)}, but got {name}.")


def items_of(args: Path) -> set[str]:
    """Return the top-level ids of the configs that an args file names."""
    return {first_part(key) for path in configs_of(args) for key in _read(path)}


def lists_of(args: Path) -> set[str]:
    """Return those of `items_of` that are lists, which an option with ``+`` extends."""
    return {key for path in configs_of(args) for key, value in _read(path).items() if isinstance(value, list)}


def configs_of(args: Path) -> list[Path]:
    """Return the configs that an args file names."""
    names = _read(args)["config_file"]
    return [args.parent / name for name in ([names] if isinstance(names, str) else names)]


def first_part(item: str) -> str:
    """Return the top-level part of an id with ``::`` or ``#``, without the ``+`` of an id that extends a list."""
    return item.removeprefix("+").replace("#", "::").split("::")[0]


def content_digest(paths: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each file."""
    from fundus_mtl.files import file_sha256

    return [file_sha256(path) for path in paths]


def _read(path: Path) -> dict[str, Any]:
    import yaml

    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if key != _ORDER}
