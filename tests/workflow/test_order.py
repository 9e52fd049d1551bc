"""A config file that changes what another sets comes after it."""

from __future__ import annotations

import itertools

import pytest
from monai.bundle import ConfigWorkflow

from fundus_mtl.workflow import StrictWorkflow, WorkflowError
from tests.bundles.conftest import BUNDLES, TINY_BUNDLE

CONFIGS = BUNDLES / "refuge_mtl" / "configs"
ROBUST, DEMO = (CONFIGS / "overlays" / f"{name}.yaml" for name in ("robust", "demo"))


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Four files that set `x`; b follows a, c follows both."""
    write(tmp_path, "metadata.json", "{}")
    after = {"base": "", "a": "", "b": "_after_: a.yaml\n", "c": "_after_: [a.yaml, b.yaml]\n"}
    return {name: write(tmp_path, f"{name}.yaml", f"{text}x: {name}\n") for name, text in after.items()}


def make(*configs, **options):
    return StrictWorkflow(config_file=list(configs), workflow_type=None, logging_file=False, **options)


@pytest.mark.parametrize("order", [order for n in range(4) for order in itertools.permutations("abc", n)], ids=str)
def test_an_order_is_taken_exactly_where_each_file_follows_those_that_it_names(order, files, capsys):
    needs = {"a": "", "b": "a", "c": "ab"}
    right = all(set(needs[name]) <= set(order[:place]) for place, name in enumerate(order))
    overlays = [files[name] for name in order]
    if right:
        assert make(files["base"], overlay=overlays).parser["x"] == (order[-1] if order else "base")
    else:
        with pytest.raises(WorkflowError, match=r"expected [ab]\.yaml before this file"):
            make(files["base"], overlay=overlays)


def test_the_message_names_both_files_and_the_remedy(files, capsys):
    with pytest.raises(WorkflowError) as missing:
        make(files["base"], overlay=[files["b"]])
    assert str(missing.value) == (
        f"{files['b']}: expected a.yaml before this file, but got it nowhere; give --overlay {files['a']},{files['b']}."
    )
    with pytest.raises(WorkflowError) as late:
        make(files["base"], overlay=[files["b"], files["a"]])
    assert str(late.value).startswith(f"{files['b']}: expected a.yaml before this file, but got it after it; give")
    with pytest.raises(WorkflowError, match=r"give --config_file \S+a\.yaml,\S+b\.yaml\.$"):
        make(files["b"])


def test_the_key_is_no_item(files):
    made = make(files["base"], files["a"], files["b"])
    assert set(made.parser.get()) == {"x", "_meta_"}


def test_folders_tell_files_of_one_name_apart(tmp_path, capsys):
    write(tmp_path, "configs/metadata.json", "{}")
    base = write(tmp_path, "configs/common.yaml", "x: 1\n")
    shared = write(tmp_path, "shared/train.yaml", "x: 2\n")
    own = write(tmp_path, "configs/train.yaml", "_after_: shared/train.yaml\nx: 3\n")
    assert make(base, shared, own).parser["x"] == 3
    assert make(base, str(tmp_path / "configs" / ".." / "shared" / "train.yaml"), own).parser["x"] == 3
    with pytest.raises(WorkflowError, match="expected shared/train.yaml before this file"):
        make(base, own)
    assert shared != own


@pytest.mark.parametrize("value", ["3", "{a: b}", "[1]"])
def test_what_is_no_file_name_is_refused(value, tmp_path, capsys):
    path = write(tmp_path, "a.yaml", f"_after_: {value}\nx: 1\n")
    with pytest.raises(WorkflowError, match="expected _after_ to be a list of file names, but got"):
        make(path)


def test_the_recipe_of_the_demo_needs_the_one_before_it(capsys):
    names = [str(CONFIGS / "common.yaml"), str(BUNDLES / "shared" / "train.yaml"), str(CONFIGS / "train.yaml")]
    with pytest.raises(WorkflowError, match=r"demo\.yaml: expected robust\.yaml before this file, but got it nowhere"):
        make(*names, overlay=[str(DEMO)])
    assert make(*names, overlay=[str(ROBUST), str(DEMO)]).parser["experiment_name"] == "demo"


def test_a_part_of_a_bundle_alone_is_refused(capsys):
    """It used to end in an item that is not defined."""
    with pytest.raises(WorkflowError, match=r"inference\.yaml: expected common\.yaml before this file"):
        make(str(CONFIGS / "inference.yaml"))


def test_monais_own_workflow_takes_the_same_files():
    """There the key is an item that nothing refers to."""
    names = [
        str(CONFIGS / "common.yaml"),
        str(BUNDLES / "shared" / "evaluate.yaml"),
        str(CONFIGS / "evaluate.yaml"),
        str(ROBUST),
        str(DEMO),
    ]
    stock = ConfigWorkflow(config_file=names, workflow_type="infer", logging_file=False, **TINY_BUNDLE["refuge_mtl"])
    stock.parser.parse()
    assert stock.parser["_after_"] == ["robust.yaml"]
    assert stock.parser.get_parsed_content("model_id") == "refuge_mtl demo (phantoms)"
