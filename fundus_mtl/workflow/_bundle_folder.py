"""Where a bundle and its overlays are on disk; imports nothing heavy, so that commands can check names before they start."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fundus_mtl.suggestions import did_you_mean
from fundus_mtl.workflow._config_items import files_of


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Args:
        root: Folder with ``configs``.
        methods: Folder with the overlays of the methods.
        beside: Folder that is searched for overlays as well, such as that of a comparison's file.
    """

    root: Path
    methods: Path
    beside: Path

    @property
    def architectures(self) -> Path:
        """The folder with the overlays of the architectures."""
        return self.methods.parent / "architectures"

    @property
    def overlay_folders(self) -> tuple[Path, ...]:
        """The folders with the overlays that a recipe may name."""
        return self.root / "configs" / "overlays", self.methods, self.architectures

    @property
    def train_args(self) -> Path:
        """The args file of the training."""
        return self.root / "configs" / "args.yaml"

    @property
    def ranks_args(self) -> Path:
        """The args file of a training in several processes."""
        return self.root / "configs" / "args_multi_gpu.yaml"

    @property
    def evaluate_args(self) -> Path:
        """The args file of the evaluation."""
        return self.root / "configs" / "args_evaluate.yaml"

    def default_overlays(self) -> list[Path]:
        """Return the overlays that the args file of the training names, those of the bundle's own method."""
        return files_of(self.train_args, "overlay")

    def method_overlay(self, name: str) -> Path:
        """Return the overlay of a method.

        Args:
            name: Name of a method that comes with the package, or an overlay file, see `overlay`.

        Raises:
            FileNotFoundError: If there is no method of this name.
        """
        if (found := self.methods / f"{name}.yaml").is_file():
            return found
        if name.endswith((".yaml", ".yml")):
            return self.overlay(name)
        known = sorted(path.stem for path in self.methods.glob("*.yaml"))
        advice = did_you_mean(name, known, f"; use one of {', '.join(known)}.")
        raise FileNotFoundError(f"method: expected one of the bundles' methods, but got {name}{advice}")

    def overlay(self, name: str) -> Path:
        """Return an overlay by file name, with or without ``.yaml``.

        It is searched among the bundle's own, beside the bundle, in the working folder, and among the architectures.

        Raises:
            FileNotFoundError: If there is no such file.
        """
        own = self.root / "configs" / "overlays"
        for folder in (own, self.beside, Path(), self.architectures):
            for path in (folder / name, folder / f"{name}.yaml"):
                if path.is_file():
                    return path.absolute()
        known = sorted(path.name for folder in (own, self.architectures) for path in folder.glob("*.yaml"))
        meant = did_you_mean(name if "." in name else f"{name}.yaml", known, "; there is no such file.")
        raise FileNotFoundError(f"overlay: expected a file of the bundle {self.root.name}, but got {name}{meant}")


def find_bundle(name: str, beside: Path) -> Bundle:
    """Return a bundle that comes with the package by its name, or any other bundle by the path of its folder.

    Args:
        name: Name, or path relative to the working folder or to ``beside``.
        beside: Folder that is searched as well.

    Raises:
        FileNotFoundError: If there is no such bundle.
    """
    installed = Path(str(files("fundus_mtl.bundles")))
    for root in (Path(name).absolute(), beside / name, installed / name):
        if (root / "configs" / "args.yaml").is_file() and (root / "configs" / "args_evaluate.yaml").is_file():
            return Bundle(root.resolve(), installed / "methods", beside)
    known = sorted(path.parent.parent.name for path in installed.glob("*/configs/args.yaml"))
    raise FileNotFoundError(
        f"bundle: expected a path or one of {', '.join(known)}, but got {name}{did_you_mean(name, known)}"
    )
