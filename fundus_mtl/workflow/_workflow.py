"""The workflow that ``python -m monai.bundle run`` uses for the bundles; it checks what the user typed.

What it avoids: MONAI 1.6.1 adds a misspelt override to the config and trains with the default, reads the text ``false``
as true, drops ``--item None``, and ends with ``Failed to evaluate ConfigExpression`` after any error.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow
from monai.utils.enums import BundlePropertyConfig

from fundus_mtl.files import make_logs_printable
from fundus_mtl.workflow._chosen_precision import chosen_precision
from fundus_mtl.workflow._config_items import AFTER
from fundus_mtl.workflow._device import with_device
from fundus_mtl.workflow._error import one_line
from fundus_mtl.workflow._find_files import find_files, folders_may_differ, nearby
from fundus_mtl.workflow._lost_comments import refuse_lost_comments
from fundus_mtl.workflow._merge import merge_files, merge_overrides
from fundus_mtl.workflow._named_handlers import OF_VALIDATION, add_tracking, validation_refers_to
from fundus_mtl.workflow._part import SNAPSHOT, as_text
from fundus_mtl.workflow._presentation import presentation
from fundus_mtl.workflow._recipe import recipe_of
from fundus_mtl.workflow._signals import signals_as_exit
from fundus_mtl.workflow._stock_call import stock_call
from fundus_mtl.workflow._verbatim import keep_text

RECIPE, EXIT_CODE = "recipe", "exit_code"


class StrictWorkflow(ConfigWorkflow):
    """Run a bundle's config; refuse misspelt items, overrides of the wrong kind and numbers that YAML reads as text.

    Chosen by ``workflow_name: fundus_mtl.workflow.StrictWorkflow`` in ``args.yaml``. What differs from
    ``ConfigWorkflow``:

    * an override (``--id value``, ``#`` or ``::`` between the parts) must name an item of the merged config, or a parameter
      of an item's ``_target_``; ``--+id value`` extends a list or a dictionary; ``--id None`` sets None;
    * a boolean item takes True and False only, a number item no text, except expressions;
    * ``overlay`` files come after the config files and may add top-level items, and parameters as above;
    * a file with ``_after_: [NAME, …]`` must come after the files of these names;
    * handlers may be a dictionary by name;
    * text with a ``#`` stays as it is written, where MONAI replaces the ``#`` by ``::``;
    * relative config files are looked for beside the ``args.yaml`` too; ``bundle_root: .`` is the folder above ``configs``;
    * an item ``merged_config: null`` is filled with the merged config as JSON text, for `RunHandler`;
    * ``amp: auto`` becomes the precision of this machine, see `fundus_mtl.precision.Precision`;
    * an item ``recipe: null`` with the bundle's name, overlays and options as JSON text, for `BestModelSaver`;
    * the stock command ends with the status that an item ``exit_code`` has when all is done;
    * SIGTERM and SIGHUP end a run as Ctrl-C does, so that handlers can close what they opened;
    * every error ends in `WorkflowError`: the traceback (not for refused input), then one last line
      ``error: <id of the item>: <root cause>``; exit status 2 if the configuration was refused, 1 if the run failed.

    Args:
        config_file: One or several files, as a list or separated by commas; later ones win.
        meta_file: See ``ConfigWorkflow``.
        logging_file: See ``ConfigWorkflow``.
        init_id: See ``ConfigWorkflow``.
        run_id: See ``ConfigWorkflow``.
        final_id: See ``ConfigWorkflow``.
        tracking: See ``ConfigWorkflow``.
        workflow_type: See ``ConfigWorkflow``.
        properties_path: See ``ConfigWorkflow``.
        overlay: One or several more config files, such as that of a method.
        override: Values by id.

    Raises:
        WorkflowError: On any error; a ``SystemExit`` whose text is the line that was printed.
    """

    def __init__(
        self,
        config_file: str | Sequence[str] | None = None,
        meta_file: str | Sequence[str] | None = None,
        logging_file: str | bool | None = None,
        init_id: str = "initialize",
        run_id: str = "run",
        final_id: str = "finalize",
        tracking: str | dict[str, Any] | None = None,
        workflow_type: str | None = "train",
        properties_path: str | None = None,
        overlay: str | Sequence[str] | None = None,
        **override: Any,
    ) -> None:
        with one_line(), folders_may_differ():
            call = stock_call(set(inspect.signature(StrictWorkflow.__init__).parameters))
            files = find_files(config_file, call.folder, "config")
            overlays = find_files(overlay, call.folder, "overlay") if overlay else []
            config = merge_files(files, overlays)
            given = call.restore(override)
            if call.by_run:
                refuse_lost_comments(sys.argv[1:], given)
            overrides = merge_overrides(config, given, [*files, *overlays], tracking)
            if config.get("bundle_root") == "." and "bundle_root" not in overrides:
                overrides["bundle_root"] = str(_bundle_root(files[0]))
            presentation().set_loggers()
            super().__init__(
                config_file=[str(file) for file in [*files, *overlays]],
                meta_file=nearby(meta_file, call.folder),
                logging_file=nearby(logging_file, call.folder),
                init_id=init_id,
                run_id=run_id,
                final_id=final_id,
                tracking=tracking,
                workflow_type=workflow_type,
                properties_path=properties_path,
                **overrides,
            )
            make_logs_printable()
            presentation().set_loggers()  # again: logging.conf has replaced the handlers
            self.parser.get().pop(AFTER, None)  # checked by now, and no item
            self._by_command = call.by_run
            chosen = chosen_precision(self.parser.get())
            self.parser.get().update(chosen)
            if RECIPE in config and self.parser[RECIPE] is None:
                root = config.get("bundle_root", ".")
                self.parser[RECIPE] = recipe_of(
                    _bundle_root(files[0]) if root == "." else root, overlays, {**given, **chosen}
                ).as_text()
            if SNAPSHOT in config and self.parser[SNAPSHOT] is None:
                self.parser[SNAPSHOT] = as_text(self.parser.get(), (self.parser.meta_key, RECIPE))
            self.parser.set(keep_text(with_device(self.parser.get())))

    def initialize(self) -> Any:
        """Parse the config and run its ``initialize`` list."""
        with one_line(self.parser.get()):
            return super().initialize()

    def _get_prop_id(self, name: str, property: dict[str, Any]) -> Any:
        """Let `check_properties` list what is missing: it catches an ``AttributeError``, not MONAI's ``KeyError``."""
        try:
            return super()._get_prop_id(name, property)
        except KeyError as error:
            raise AttributeError(*error.args) from error

    def _check_optional_id(self, name: str, property: dict[str, Any]) -> bool:
        """Let `check_properties` find the ``ValidationHandler`` among handlers by name too."""
        handlers = self.parser.get("train::handlers")
        if name in OF_VALIDATION and isinstance(handlers, dict):
            return validation_refers_to(
                handlers, property[BundlePropertyConfig.REF_ID], property[BundlePropertyConfig.ID]
            )
        return super()._check_optional_id(name, property)

    @staticmethod
    def patch_bundle_tracking(parser: ConfigParser, settings: dict[str, Any]) -> None:
        """Add MONAI's handlers of ``tracking``, to handlers by name too."""
        ConfigWorkflow.patch_bundle_tracking(parser, add_tracking(parser, settings))

    def part(self, item: str) -> Any:
        """Return what an item of the config describes, built."""
        with one_line(self.parser.get()):
            return self.parser.get_parsed_content(item)

    def run(self) -> Any:
        """Run the config's ``run`` list."""
        with one_line(self.parser.get()), signals_as_exit():
            return super().run()

    def finalize(self) -> Any:
        """Run the config's ``finalize`` list; end the stock command with the status of the item ``exit_code``."""
        with one_line(self.parser.get()):
            done = super().finalize()
            if self._by_command and EXIT_CODE in self.parser and (code := self.parser.get_parsed_content(EXIT_CODE)):
                raise SystemExit(int(code))
            return done


def _bundle_root(config_file: Path) -> Path:
    folder = config_file.parent
    if folder.name == "configs":
        return folder.parent
    return folder / ".." if folder.resolve().name == "configs" else folder
