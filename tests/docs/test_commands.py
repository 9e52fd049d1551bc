"""Commands in the documentation: verbs, options, data sets, files, targets and items of configurations exist."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex

import pytest
import yaml

from fundus_mtl.cli import parser
from fundus_mtl.cli._prepare import datasets
from fundus_mtl.workflow import find_bundle, items_of
from tests.docs.pages import PAGES, ROOT, blocks, commands, name

_BUNDLES = {path.parents[1].name for path in ROOT.glob("bundles/*/configs/common.yaml")}
_NO_COMMAND = {"cd", "source", "export", "pip", "mkdir", "eval", "torchrun", "git", "ls"}


def words(command):
    return shlex.split(command, comments=True)


def all_commands():
    for page in PAGES:
        for number, lines in blocks(page, "bash"):
            for command in commands(lines):
                yield pytest.param(command, id=f"{name(page)}:{number}:{command[:40]}")


def help_of(dataset):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        importlib.import_module(f"fundus_mtl.data_prep.{dataset}").main(["--help"])
    return out.getvalue()


def check_prepare(given):
    dataset, *rest = given
    if dataset == "--help":
        return
    assert dataset in datasets()
    options = [word.partition("=")[0] for word in rest if word.startswith("--") and word != "--"]
    about = help_of(dataset)
    assert [option for option in options if option not in about] == []


def check_keys(bundle, kind, key_values):
    """Items of a configuration exist, as far as their first part."""
    if bundle not in _BUNDLES:
        return
    args = {"train": "args.yaml", "evaluate": "args_evaluate.yaml", "infer": "args_inference.yaml"}[kind]
    file = find_bundle(bundle, ROOT).root / "configs" / args
    known = set(items_of(file)) | {
        key
        for folder in (f"{bundle}/configs/overlays", "architectures")
        for recipe in ROOT.glob(f"bundles/{folder}/*.yaml")
        for key in _keys(recipe)
    }
    unknown = [text for text in key_values if re.split("::|=", text)[0].lstrip("+") not in known]
    assert unknown == []


def _keys(file):
    return {key.lstrip("+").partition("::")[0] for key in yaml.safe_load(file.read_text(encoding="utf-8"))}


def check_fundus_mtl(given):
    if given and given[0].startswith("--"):
        assert given[0] in ("--help", "--version")
        return
    if given[0] == "prepare":
        check_prepare(given[1:])
        return
    if "--help" in given:
        assert given[0] in parser().get_default("verbs")
        return
    parsed, rest = parser().parse_known_args(given)
    assert [word for word in rest if "=" not in word or word.startswith("-")] == []
    key_values = [*getattr(parsed, "key_values", []), *rest]
    if given[0] in ("train", "evaluate"):
        check_keys(parsed.bundle, given[0], key_values)
    elif given[0] == "infer":
        check_keys("refuge_mtl", "infer", key_values)
    elif given[0] == "compare" and parsed.config.startswith("bundles/"):
        assert (ROOT / parsed.config).is_file()


def check_python(given):
    if given[0] == "-m":
        module = given[1]
        if module.startswith(("data_prep.", "docs.")):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        files = [word for word in given if word.startswith("bundles/") and word.endswith(".yaml")]
        assert [file for file in files if not (ROOT / file).is_file()] == []
    elif not given[0].startswith("-"):
        script = ROOT / given[0]
        assert script.is_file()
        options = [word for word in given[1:] if word.startswith("--")]
        source = "".join(path.read_text(encoding="utf-8") for path in script.parent.glob("*.py"))
        assert [option for option in options if option not in source] == []


def check_docker(given):
    if given[0] == "compose":
        compose = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
        assert [word for word in given if word in compose["services"]] or given[-1] in ("config", "down")
    else:
        assert given[0] in ("build", "run")


def check_make(given):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert given[0] in targets


CHECKS = {
    "fundus-mtl": check_fundus_mtl,
    "python": check_python,
    "docker": check_docker,
    "make": check_make,
}


@pytest.mark.parametrize("command", list(all_commands()))
def test_a_command_exists(command):
    for part in re.split(r" && | \| ", command):
        given = words(part)
        while given and re.fullmatch(r"[A-Z_]+=\S*", given[0]):
            given = given[1:]
        if given and given[0] in CHECKS:
            CHECKS[given[0]](given[1:])
        elif given and given[0] != "mlflow":
            assert given[0] in _NO_COMMAND, f"unknown command {given[0]}"


@pytest.mark.parametrize(
    "command",
    [
        "fundus-mtl trian refuge_mtl",
        "fundus-mtl train refuge_mtl --metod pcgrad",
        "fundus-mtl train refuge_mtl max_epoch=3",
        "fundus-mtl prepare refug RAW OUT",
        "fundus-mtl prepare check x --slow",
        "fundus-mtl compare bundles/digits_mtl/configs/nothing.yaml",
        "python benchmarks/nothing.py",
        "make nothing",
        "docker compose -f x run --rm nothing",
        "frobnicate",
    ],
)
def test_a_wrong_command_is_noticed(command, capsys):
    with pytest.raises((AssertionError, SystemExit)):
        test_a_command_exists(command)
