"""What is kept beside the weights, what of it may come from others, and a part of a bundle built from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from fundus_mtl.handlers import BestModelSaver
from fundus_mtl.workflow import StrictWorkflow, part_of, read_recipe, trained_configs, trained_part
from fundus_mtl.workflow._error import RefusedError
from fundus_mtl.workflow._recipe import Recipe, recipe_of
from tests.bundles.conftest import BUNDLES

DISC = BUNDLES / "refuge_disc_mtl" / "configs"


def overlay(folder, text="size: 32\nlr: 0.5\n", name="small.yaml"):
    path = folder / name
    path.write_text(text)
    return path


def trained(folder, recipe, network):
    """Save weights and recipe as a training does."""
    BestModelSaver(network, folder / "model.pt", recipe.as_text()).save()
    return folder / "model.pt"


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return torch.nn.Linear(2, 1)


def test_what_is_kept_and_what_is_not(tmp_path):
    options = {
        "size": 64,
        "task_names": ["disc"],
        "dataset_dir": "/home/doe",
        "resume_from": "latest",  # a training that was stopped has the recipe of one that was not
        "lr": "$1 / 3",
        "network_def::_target_": "os.system",
    }
    recipe = recipe_of(tmp_path / "refuge_mtl", [overlay(tmp_path)], options)
    assert recipe.bundle == "refuge_mtl"
    assert recipe.options == {"size": 64, "task_names": ["disc"]}
    assert recipe.expressions == ["lr", "network_def::_target_"]
    assert list(recipe.overlays) == ["small.yaml"]
    assert "doe" not in recipe.as_text()


def test_the_text_is_json_without_signs_that_a_config_acts_on():
    text = Recipe("b", {"a.yaml": "0"}, {"note": "100% of #1 @home $"}).as_text()
    assert not set("@%#$") & set(text)
    assert json.loads(text)["options"]["note"] == "100% of #1 @home $"


def test_only_shared_items_are_changed_and_options_win(tmp_path):
    recipe = recipe_of(tmp_path / "b", [overlay(tmp_path)], {"size": 64, "max_epochs": 3})
    assert recipe.overrides({"size": 1}, [tmp_path]) == {"size": 64}
    assert recipe_of(tmp_path / "b", [overlay(tmp_path)], {}).overrides({"size": 1}, [tmp_path]) == {"size": 32}


def test_an_overlay_that_is_gone_or_changed_and_an_expression_are_refused(tmp_path):
    recipe = recipe_of(tmp_path / "b", [overlay(tmp_path)], {"zoom": "$1 / 2"})
    with pytest.raises(RefusedError, match="the overlay small.yaml of the training, but got none"):
        recipe.overrides({}, [tmp_path / "elsewhere"])
    with pytest.raises(RefusedError, match="something else for zoom"):
        recipe.overrides({"zoom": 1}, [tmp_path])
    overlay(tmp_path, "size: 33\n")
    with pytest.raises(RefusedError, match="but got another text"):
        recipe.overrides({}, [tmp_path])


def test_what_overlays_and_options_add_is_kept_in_their_order(tmp_path):
    """`+` extends; as a replacement it would take the first steps away, and dropped it would take the last."""
    first = overlay(tmp_path, "steps: [1]\n+steps: [2]\n+table: {a: 5}\n+lr: [9]\n", "first.yaml")
    second = overlay(tmp_path, "+steps: [3]\ntable::b: 7\n", "second.yaml")
    recipe = recipe_of(tmp_path / "b", [first, second], {"+steps": [4], "+train::handlers": [1]})
    common = {"steps": [0], "table": {"a": 1, "b": 2}}
    found = recipe.overrides(common, [tmp_path])
    assert (found["steps"], found["table"]) == ([1, 2, 3, 4], {"a": 5, "b": 7})
    assert set(found) == {"steps", "table", "table::b"}
    assert common == {"steps": [0], "table": {"a": 1, "b": 2}}


def test_overlays_and_options_apply_in_the_order_of_the_training(tmp_path, linear):
    """Not in that of their names: the last one wins."""
    files = [overlay(tmp_path, f"size: {size}\n", name) for size, name in ((8, "b.yaml"), (9, "a.yaml"))]
    options = {"steps": [0], "+steps": [1]}
    read = read_recipe(trained(tmp_path, recipe_of(tmp_path / "b", files, options), linear))
    assert list(read.overlays) == ["b.yaml", "a.yaml"]
    assert list(read.options) == ["steps", "+steps"]
    assert read.overrides({"size": 10, "steps": []}, [tmp_path]) == {"size": 9, "steps": [0, 1]}


def test_the_files_of_an_inference_are_those_of_its_args_file(tmp_path, linear):
    weights = trained(tmp_path, Recipe("refuge_mtl"), linear)
    names, _ = trained_configs(weights, "inference.yaml")
    assert [path.resolve().relative_to(BUNDLES).as_posix() for path in names] == [
        "refuge_mtl/configs/common.yaml",
        "shared/evaluate.yaml",
        "refuge_mtl/configs/inference.yaml",
    ]


def test_a_mirrored_view_needs_the_merged_configuration():
    with pytest.raises(RefusedError, match="view: expected the merged configuration, but got none"):
        part_of(None, "view")


def test_a_recipe_cannot_command_by_extending(tmp_path, linear):
    for options in ({"+network_def": {"_target_": "os.system"}}, {"+imports": ["$import os"]}, {"+_meta_": {}}):
        with pytest.raises(RefusedError, match="expected plain values and names"):
            read_recipe(trained(tmp_path, Recipe("refuge_mtl", {}, options), linear))


def test_name_and_note_of_a_model_are_kept(tmp_path, linear):
    demo = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "demo.yaml"
    weights = trained(tmp_path, recipe_of(BUNDLES / "refuge_mtl", [demo], {"note": "of mine"}), linear)
    _, changes = trained_configs(weights, "inference.yaml")
    assert (changes["model_id"], changes["note"]) == ("refuge_mtl demo (phantoms)", "of mine")
    own = trained(tmp_path, recipe_of(BUNDLES / "hrf_av_mtl", [], {"model_id": "ours 3"}), linear)
    assert trained_configs(own, "inference.yaml")[1]["model_id"] == "ours 3"


@pytest.mark.filterwarnings("ignore:Can't merge entry:UserWarning")  # the args file has no such item
def test_what_the_stock_command_extends_is_recorded_as_that(tmp_path, monkeypatch):
    """MONAI takes the sign away before the workflow sees it."""
    import monai.bundle

    monkeypatch.setattr(StrictWorkflow, "initialize", lambda self: kept.append(self.parser["recipe"]))
    monkeypatch.setattr(StrictWorkflow, "run", lambda self: None)
    monkeypatch.setattr(StrictWorkflow, "finalize", lambda self: None)
    kept = []
    given = {"+task_names": ["quality"], "fold": None, "output_dir": str(tmp_path)}
    monai.bundle.run(args_file=str(BUNDLES / "refuge_mtl" / "configs" / "args.yaml"), logging_file=False, **given)
    options = json.loads(kept[0])["options"]
    assert options["+task_names"] == ["quality"]
    assert options["fold"] is None


def test_weights_and_recipe_belong_together(tmp_path, linear):
    weights = trained(tmp_path, Recipe("refuge_mtl", {}, {"size": 64}), linear)
    assert read_recipe(weights).options == {"size": 64}
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(RefusedError, match="SHA-256 differs"):
        read_recipe(weights)
    weights.with_name("recipe.json").unlink()
    with pytest.raises(RefusedError, match="expected a recipe.json beside the weights, but got none"):
        read_recipe(weights)


@pytest.mark.parametrize(
    "options",
    [
        {"size": "$__import__('os').system('id')"},
        {"network_def": {"_target_": "os.system"}},
        {"network_def::_target_": "os.system"},
        {"network_def#_target_": "os.system"},
        {"size": "@network"},
        {"size": "%/etc/passwd"},
        {"size": ["/etc/passwd"]},
        {"sizes": [{"_target_": "os.system"}]},
    ],
)
def test_a_recipe_from_others_cannot_command(options, tmp_path, linear):
    weights = trained(tmp_path, Recipe("refuge_mtl", {}, options), linear)
    with pytest.raises(RefusedError, match="expected plain values and names"):
        read_recipe(weights)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[" * 200_000 + "]" * 200_000, "at most 32 brackets inside each other"),
        ('{"recipe": "' + "x" * 2**20 + '"}', "at most 1048576 bytes"),
        ('{"recipe": {"bundle": "refuge_mtl", "options": {"size": NaN}}}', "but got NaN"),
        ("[]", "expected a recipe of these weights"),
        ("7", "expected a recipe of these weights"),
        ('{"recipe": {"bundle": 7}, "weights": {"model.pt": "0"}}', "expected str for bundle"),
        ('{"recipe": {"bundle": "b", "options": []}, "weights": {"model.pt": "0"}}', "expected dict for options"),
        ('{"recipe": {"bundle": "b", "overlays": "x"}, "weights": {"model.pt": "0"}}', "expected dict for overlays"),
        (
            '{"recipe": {"bundle": "b", "overlays": {"a": 1}}, "weights": {"model.pt": "0"}}',
            "expected texts as overlays",
        ),
        ('{"recipe": {"bundle": "b", "expressions": "lr"}, "weights": {"model.pt": "0"}}', "expected list for expr"),
        ("\x00\xff", "expected a recipe of these weights"),
    ],
)
def test_a_recipe_of_another_form_is_one_sentence(text, message, tmp_path, linear):
    weights = trained(tmp_path, Recipe("refuge_mtl"), linear)
    weights.with_name("recipe.json").write_text(text, encoding="latin-1")
    with pytest.raises(RefusedError, match=message) as refused:
        read_recipe(weights)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_id": [1]}, r"recipe\.json: --model_id \[1\]: the item is a text"),
        ({"model_id": 7}, r"recipe\.json: --model_id 7: the item is a text"),
        ({"model_id": None}, r"recipe\.json: model_id: expected a text, but got null\."),
        ({"note": {"a": "b"}}, r"recipe\.json: note: expected a text, or null, but got \{'a': 'b'\}\."),
        ({"note": ["x"]}, "note: expected a text, or null"),
        ({"note": 3.5}, "note: expected a text, or null"),
        ({"without_glaucoma": True}, "without_glaucoma: expected a text, or null, but got True"),
        ({"task_names": "disc"}, "--task_names disc: the item is a list"),
        ({"task_names": {"disc": 1}}, "the item is a list"),
        ({"task_names": [7]}, "the item is a list of texts"),
        ({"network_def": [1]}, "the item is a dictionary"),
        ({"network_def": "VGGUNet"}, "the item is a dictionary"),
        ({"network_def::width": "64"}, "the item is a number"),
        ({"size": {"a": 1}}, "the item is a number"),
        ({"mask_mode": 3}, "the item is a text"),
        ({"quality_limit": "0.5"}, "quality_limit: expected a number"),
    ],
)
def test_an_option_of_another_kind_is_refused(options, message, tmp_path, linear):
    weights = trained(tmp_path, Recipe("refuge_mtl", {}, options), linear)
    with pytest.raises(RefusedError, match=message):
        trained_configs(weights, "inference.yaml")


@pytest.mark.parametrize("changed", [{"bundle": "../evil"}, {"overlays": {"../evil.yaml": "0"}}])
def test_a_recipe_from_others_cannot_reach_out(changed, tmp_path, linear):
    recipe = Recipe(**({"bundle": "refuge_disc_mtl", "overlays": {}, "options": {}} | changed))
    weights = trained(tmp_path, recipe, linear)
    with pytest.raises(RefusedError, match="but got something else for bundle|but got the path"):
        trained_part(weights)


def test_a_training_knows_its_recipe(tmp_path):
    workflow = StrictWorkflow(
        config_file=[str(DISC / name) for name in ("common.yaml", "../../shared/train.yaml", "train.yaml")],
        overlay=[str(DISC / "overlays" / "robust.yaml")],
        size=32,
        crop=48,
        output_dir=str(tmp_path),
    )
    recipe = json.loads(workflow.parser["recipe"])
    assert recipe["options"].pop("amp") in ("float32", "bfloat16", "float16")  # the choice of this machine
    assert (recipe["bundle"], recipe["options"]) == ("refuge_disc_mtl", {"size": 32, "crop": 48})
    assert list(recipe["overlays"]) == ["robust.yaml"]


def test_an_overlay_beside_the_weights_is_never_executed(tmp_path, linear):
    """Weights and a recipe from somebody else may come with an overlay, with its own SHA-256."""
    evil = overlay(tmp_path, "device: \"$__import__('pathlib').Path('pwned').touch()\"\n", "evil.yaml")
    recipe = recipe_of(BUNDLES / "refuge_disc_mtl", [evil], {})
    weights = trained(tmp_path, recipe, linear)
    with pytest.raises(RefusedError, match="the overlay evil.yaml of the training, but got none; name the file"):
        trained_part(weights)


def test_an_overlay_that_the_user_names_is_used(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    mine = overlay(tmp_path / "elsewhere")
    weights = tmp_path / "model.pt"
    network = torch.nn.Linear(2, 1)
    trained(tmp_path, recipe_of(BUNDLES / "refuge_disc_mtl", [mine], {"crop": 48}), network)
    _, changes = trained_configs(weights, "stage.yaml", [mine])
    assert (changes["size"], changes["crop"]) == (32, 48)
    assert "lr" not in changes


def test_pretrained_weights_are_no_part_of_a_recipe(tmp_path):
    options = {
        "network_def::pretrained": "vgg13_bn.pth",
        "network_def#pretrained": "vgg13_bn.pth",
        "resnet::pretrained": "resnet34.pth",
        "network_def::width": 8,
    }
    assert recipe_of(tmp_path, [], options).options == {"network_def::width": 8}


@pytest.fixture
def photograph(tmp_path):
    """A picture of 90x60 px whose red level tells the column, green the row."""
    rows, columns = np.mgrid[:60, :90]
    path = tmp_path / "eye.png"
    Image.fromarray(np.stack([columns * 2, rows * 2, rows * 0], axis=-1).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def first(photograph):
    """A sample as the first network leaves it: a disc of 12x12 px around column 60, row 20."""
    from fundus_mtl.photographs import FundusReader
    from fundus_mtl.transforms import LoadFundusd

    sample = LoadFundusd("image", FundusReader())({"id": "eye.png", "image": str(photograph)})
    disc = torch.zeros(1, 60, 90, dtype=torch.uint8)
    disc[:, 14:26, 54:66] = 1
    return {**sample, "pred_disc": disc, "pred_cup": torch.zeros_like(disc), "pred_fovea": torch.zeros(2)}


def disc_weights(folder, **options):
    options = {"crop": 32, "size": 16, "network_def::width": 4} | options
    files = [str(DISC / "common.yaml"), str(DISC / "stage.yaml")]
    workflow = StrictWorkflow(config_file=files, workflow_type=None, **options)
    torch.manual_seed(0)
    return trained(folder, Recipe("refuge_disc_mtl", {}, options), workflow.parser.get_parsed_content("network"))


@pytest.mark.parametrize("window", [None, 3.0])
def test_a_second_look_replaces_disc_and_cup_inside_its_window(window, tmp_path, first):
    stage = trained_part(disc_weights(tmp_path), window=window)
    seen = []

    def everything(image, tasks):
        seen.append((image, tasks))
        return {"segmentation": torch.full((1, 2, 16, 16), 9.0)}

    stage.network = everything
    done = stage(first)
    side = 32 if window is None else round(3 * 2 * (144 / np.pi) ** 0.5)
    (image, tasks) = seen[0]
    assert image.shape == (1, 3, 16, 16)
    assert tasks == ["segmentation"]
    assert done["pred_disc"].shape == (1, 60, 90)
    assert done["pred_fovea"] is first["pred_fovea"]
    rows, columns = np.nonzero(np.asarray(done["pred_disc"])[0])
    assert (rows.min(), rows.max()) == (max(0, 20 - side // 2), 20 + side - side // 2 - 1)
    assert (columns.min(), columns.max()) == (60 - side // 2, 60 + side - side // 2 - 1)
    assert abs(float(image[0, 0].mean()) * 255 - 2 * 59.5) < 8  # it looked at the window, not elsewhere
    assert not set(done) - set(first)


def test_nothing_is_looked_at_again_where_no_disc_was_found(tmp_path, first):
    stage = trained_part(disc_weights(tmp_path))
    empty = {**first, "pred_disc": torch.zeros_like(first["pred_disc"])}
    assert stage(empty) == empty


def test_vessels_join_the_answers(tmp_path, first):
    configs = BUNDLES / "hrf_av_mtl" / "configs"
    options = {"patch": 32, "network_def::width": 4, "zoom": 0.5}
    files = [str(configs / "common.yaml"), str(configs / "stage.yaml")]
    workflow = StrictWorkflow(config_file=files, workflow_type=None, **options)
    weights = trained(tmp_path, Recipe("hrf_av_mtl", {}, options), workflow.parser.get_parsed_content("network"))
    done = trained_part(weights)(first)
    assert done["pred_artery_vein"].shape == (2, 60, 90)
    assert done["pred_vessel"].shape == (1, 60, 90)
    assert set(np.unique(np.asarray(done["pred_vessel"]))) <= {0, 1}
    assert done["pred_disc"] is first["pred_disc"]


def test_weights_of_a_bundle_without_that_part_are_refused(tmp_path, linear):
    weights = trained(tmp_path, Recipe("digits_mtl"), linear)
    with pytest.raises(
        RefusedError, match="expected weights of hrf_av_mtl, refuge_disc_mtl, but got those of digits_mtl"
    ):
        trained_part(weights)


def test_an_overlay_that_the_training_was_not_given_is_refused(tmp_path, linear):
    """It would not be used, and the user would think that it was."""
    weights = trained(tmp_path, recipe_of(DISC.parent, [], {}), linear)
    with pytest.raises(
        RefusedError, match=r"overlay: expected one that these weights were trained with \(none\), but got .*small"
    ):
        trained_configs(weights, "common.yaml", [overlay(tmp_path)])
