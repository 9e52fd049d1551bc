"""Meanings of the JSON files of runs and trainings, and of the tables of trainings and comparisons."""

from __future__ import annotations

Entry = tuple[str, str, str]  # name, unit, meaning; a name may end in `.*` for keys that depend on the run

RUN: tuple[Entry, ...] = (
    ("software", "", "name of the program"),
    ("software_version", "", "its version"),
    ("python", "", "version of Python"),
    ("platform", "", "kind of operating system, such as linux; never the name of a machine"),
    ("packages.*", "", "versions of the packages that shape the numbers; absent if a package is not installed"),
    ("model.id", "", "name of the model that takes the whole photograph"),
    ("model.sha256", "hex", "SHA-256 of its weights"),
    ("stages[].id", "", "names of the models of further stages"),
    ("stages[].sha256", "hex", "SHA-256 of their weights"),
    ("stages[].roles", "", "roles whose answers they replace"),
    ("cards[].id", "", "name of a model"),
    ("cards[].note", "", "note of its training that the report shows; null if there is none"),
    ("cards[].text", "", "its model card, Markdown; empty if there is none"),
    ("config_sha256", "hex", "SHA-256 of the configuration, without paths and settings that change no result"),
    ("tasks.*", "", "task that answers each role; null if none does"),
    ("unanswered.*", "", "why no task answers a role; absent if there is no reason"),
    ("folders", "", "folders of pictures that the run may write"),
    ("exported.masks[].folder", "", "folder of a kind of masks"),
    ("exported.masks[].labels", "", "pairs: value in the PNG, label in exports"),
    ("exported.quantities[].column", "", "column that exports have"),
    ("exported.quantities[].code", "", "its code in DICOM SR"),
    ("exported.quantities[].meaning", "", "its name in DICOM SR"),
    ("exported.quantities[].unit", "", "its unit, as below"),
    ("exported.quantities[].roles", "", "roles that it is measured in"),
    ("exported.quantities[].calibrated", "", "whether a calibration shapes it"),
    ("options.id_mode", "", "name or hash: how photographs are called"),
    ("options.export_burned_in", "", "whether photographs with burned-in text have pictures"),
    ("options.mm_per_px", "mm per px", "scale that the user gave; null if none"),
    ("options.further_models.*", "hex", "SHA-256 of what else was used: disc, vessels, calibration, vcdr_regression"),
    ("disclaimer", "", "research use only"),
    ("skipped.*", "files", "files that are no photographs, by extension"),
    ("state", "", "running, completed or stopped"),
    ("reason", "", "why it stopped; absent unless stopped"),
    ("started_utc", "ISO 8601", "when it was started, or resumed"),
    ("finished_utc", "ISO 8601", "when it ended; absent while it runs"),
    ("counts.*", "photographs", "number of rows by status: ok, ungradable, failed"),
)
RECIPE: tuple[Entry, ...] = (
    ("recipe.bundle", "", "name of the bundle"),
    ("recipe.overlays.*", "hex", "SHA-256 of each overlay by file name, in their order"),
    ("recipe.options.*", "", "items that the command line changed, without paths"),
    ("recipe.expressions", "", "ids of options that were expressions; their values are not kept"),
    ("weights.*", "hex", "SHA-256 of the weights, by file name"),
    ("kept.epoch", "epochs", "epoch of the weights, from 1; `kept` is absent for a checkpoint"),
    ("kept.rule", "", "selection_rule: losses, metrics or last"),
    ("kept.val_score", "", "its value: the higher, the better; null if it was never a number"),
)
COST: tuple[Entry, ...] = (
    ("parameters", "", "number of parameters of the network"),
    ("step_seconds", "s", "median time of a training step of the last epoch"),
    ("training_seconds", "s", "wall clock, with validation"),
    ("processor_seconds", "s", "processor time, with validation"),
    ("epoch", "epochs", "epochs that are done"),
)
SUMMARY: tuple[Entry, ...] = (
    ("metric", "", "name of the measure"),
    ("value", "as `unit`", "its value over all cases that have it"),
    ("low", "as `unit`", "lower end of the 95 % bootstrap interval over cases"),
    ("high", "as `unit`", "upper end"),
    ("n", "cases", "number of cases that have a value"),
    ("unit", "", "unit; empty for shares and ratios"),
    ("definition", "", "definition in words"),
    ("note", "", "why the value or the interval is empty"),
)
TRAININGS: tuple[Entry, ...] = (
    ("method", "", "name of the method"),
    ("fold", "", "fold of the cross-validation; empty without folds"),
    ("seed", "", "seed of the training"),
    ("network", "", "task of a single-task network; empty for the network of all tasks"),
    ("<metric>", "as in summary.csv", "each metric of the comparison; empty if the training failed"),
    ("parameters", "", "see cost.json"),
    ("step_seconds", "s", "see cost.json"),
    ("training_seconds", "s", "see cost.json"),
    ("processor_seconds", "s", "see cost.json"),
    ("chosen.<option>", "", "values that the search chose; absent without a search"),
    ("status", "", "finished, or how it ended; failures.csv has the reason"),
    ("data_sha256", "hex", "SHA-256 of the datalist"),
    ("run_id", "", "id of the run in MLflow; empty without MLflow"),
)
OTHER_TABLES: tuple[Entry, ...] = (
    ("curves.csv", "", "method, fold, seed, network, metric, step (epoch) and value of every metric per epoch"),
    ("cases.csv", "", "method, fold, seed, network, then the columns of per_case.csv"),
    ("balance.csv", "", "method, fold, seed, network, then how the tasks' gradients agree, per measured step"),
    ("trials.csv", "", "a row per trial of the search: method, fold, seed, its options, metric and state"),
    ("failures.csv", "", "method, fold, seed, network and reason of every training that failed"),
    ("comparison.csv", "", "the table of the comparison: mean and standard deviation per method"),
)
