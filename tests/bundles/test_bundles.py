"""Every bundle with every method, on tiny data, through the same workflow class as the command line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from fundus_mtl.metrics import fused_score
from fundus_mtl.workflow import StrictWorkflow, WorkflowError
from fundus_mtl.workflow._config_items import files_of
from tests.bundles.conftest import BUNDLES, run, workflow

TRAINABLE = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/train.yaml"))
KINDS = [
    (bundle, kind)
    for bundle in TRAINABLE
    for kind in ("train", "evaluate", "inference")
    if (BUNDLES / bundle / "configs" / f"{kind}.yaml").is_file()
]
METHODS = sorted((BUNDLES / "methods").glob("*.yaml"))
ROBUST = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "robust.yaml"
TINY = {"max_epochs": 1, "batch_size": 4, "val_interval": 1, "tracking_uri": None}


def options(data, out, **more):
    return {"dataset_dir": str(data), "output_dir": str(out)} | more


@pytest.fixture(scope="module")
def trained(refuge_data, tmp_path_factory):
    """The output folder of a tiny training with the default recipe."""
    out = tmp_path_factory.mktemp("trained")
    run("refuge_mtl", "train", **TINY, **options(refuge_data, out))
    return out


@pytest.mark.parametrize("method", METHODS, ids=lambda path: path.stem)
@pytest.mark.parametrize("bundle", TRAINABLE)
def test_every_method_trains_every_bundle(bundle, method, data_of, tmp_path):
    made = run(bundle, "train", method, **TINY, **options(data_of(bundle), tmp_path))
    trainer = made.parser.get_parsed_content("train::trainer")
    assert trainer.state.iteration == len(trainer.data_loader) > 0
    assert made.parser.get_parsed_content("method") == method.stem
    weights = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in weights.values() if value.is_floating_point())


def test_the_vcdr_regression_is_kept_with_the_model(trained):
    assert set(json.loads((trained / "models" / "vcdr_regression.json").read_text())) >= {"coefficient", "intercept"}


@pytest.fixture(scope="module")
def trained_bundle(trained, tmp_path_factory):
    """From a bundle's name to the output folder of a tiny training."""
    folders = {"refuge_mtl": trained}

    def folder(bundle, data):
        if bundle not in folders:
            folders[bundle] = tmp_path_factory.mktemp(bundle)
            run(bundle, "train", **TINY, **options(data, folders[bundle]))
        return folders[bundle]

    return folder


@pytest.mark.parametrize("bundle, kind", KINDS)
def test_properties(bundle, kind, data_of, trained_bundle, tmp_path):
    data = data_of(bundle)
    trained = trained_bundle(bundle, data)
    if kind == "inference":
        data = next((data.parent / "raw").rglob("*.jpg")).parent
    extra = {"results_dir": str(tmp_path)} if kind == "inference" else {"tracking_uri": None}
    extra |= {"batch_size": TINY["batch_size"]} if kind == "train" else {}
    made = workflow(bundle, kind, **options(data, trained), **extra)
    made.initialize()
    assert not made.check_properties()


@pytest.mark.parametrize("bundle", TRAINABLE)
def test_metadata(bundle, tmp_path):
    """MONAI's own command, with a schema at hand so that nothing is downloaded."""
    from monai.bundle import verify_metadata

    schema = BUNDLES.parent / "tests" / "bundles" / "metadata_schema.json"
    with pytest.warns(UserWarning, match="No hash value provided"):
        verify_metadata(meta_file=str(BUNDLES / bundle / "configs" / "metadata.json"), filepath=str(schema))


@pytest.mark.parametrize("bundle", TRAINABLE)
def test_the_network_answers_as_the_metadata_says(bundle):
    formats = json.loads((BUNDLES / bundle / "configs" / "metadata.json").read_text())["network_data_format"]
    side = "patch" if formats["inputs"]["image"]["is_patch_data"] else "size"
    made = workflow(bundle, "evaluate", **{side: formats["inputs"]["image"]["spatial_shape"][0]})
    made.initialize()
    network = made.parser.get_parsed_content("network").eval()
    image = formats["inputs"]["image"]
    with torch.no_grad():
        answer = network(torch.rand(1, image["num_channels"], *image["spatial_shape"]))
    for name, output in formats["outputs"].items():
        shape = () if output["format"] == "classes" else tuple(output["spatial_shape"])
        assert answer.pop(name).shape == (1, output["num_channels"], *shape)
    assert not answer


def test_the_four_tasks_have_the_papers_parameters():
    made = workflow("refuge_mtl", "inference", **{"network_def::width": 64})
    network = made.parser.get_parsed_content("network_def")
    assert sum(p.numel() for p in network.parameters()) == 17_268_036


@pytest.mark.parametrize("overlays", [(), (ROBUST,)], ids=["mtl_io", "robust"])
def test_train_evaluate_and_run_on_a_folder(overlays, refuge_data, tmp_path):
    run("refuge_mtl", "train", *overlays, **TINY, **options(refuge_data, tmp_path / "out"))
    evaluation = run("refuge_mtl", "evaluate", *overlays, tracking_uri=None, **options(refuge_data, tmp_path / "out"))
    rows = evaluation.parser.get_parsed_content("case_table").rows
    assert sorted(row["id"] for row in rows) == ["T0001", "T0002", "T0003", "T0004"]
    assert all(0 <= row["glaucoma_prob_vcdr"] <= 1 or np.isnan(row["vcdr_pred"]) for row in rows)
    assert all(
        row["glaucoma_prob"] == fused_score(row["glaucoma_prob_classifier"], row["glaucoma_prob_vcdr"]) for row in rows
    )
    written = {path.name for path in (tmp_path / "out" / "evaluation").iterdir()}
    assert {"per_case.csv", "summary.csv", "summary.md", "cases_worst_task.jpg"} <= written

    photographs = tmp_path / "photographs" / "nested"
    photographs.mkdir(parents=True)
    source = next((refuge_data.parent / "raw").rglob("T0001.jpg"))
    (photographs / "eye.jpg").write_bytes(source.read_bytes())
    (photographs / "broken.jpg").write_bytes(source.read_bytes()[:200])
    judged = {"rules::withhold_ungradable": False}  # a phantom of 96 px is too small to be gradable
    run("refuge_mtl", "inference", *overlays, **options(tmp_path / "photographs", tmp_path / "out", **judged))
    results = tmp_path / "out" / "results"
    with (results / "results.csv").open(newline="") as file:
        table = {row["image_id"]: row for row in csv.DictReader(file)}
    assert table["nested/broken.jpg"]["status"] == "failed"
    assert table["nested/broken.jpg"]["status_reason"]
    assert table["nested/eye.jpg"]["status"] == "ok"
    with Image.open(source) as photograph, Image.open(results / "masks" / "nested" / "eye.jpg.png") as mask:
        assert mask.size == photograph.size
    assert (results / "overlays" / "nested" / "eye.jpg.jpg").is_file()
    assert "Research use only" in (results / "report.html").read_text()


@pytest.mark.parametrize("method", METHODS, ids=lambda path: path.stem)
def test_resume_is_bit_exact(method, refuge_data, tmp_path):
    """With random augmentation, dropout, a schedule and validation: two epochs equal one, a new process, and one more."""
    recipe = {**TINY, "lr_scheduler::total_steps": 8}
    run(
        "refuge_mtl",
        "train",
        ROBUST,
        method,
        **recipe | {"max_epochs": 2},
        **options(refuge_data, tmp_path / "straight"),
    )
    run("refuge_mtl", "train", ROBUST, method, **recipe, **options(refuge_data, tmp_path / "halves"))
    resumed = run(
        "refuge_mtl", "train", ROBUST, method, **recipe | {"max_epochs": 2, "resume_from": "latest"},
        **options(refuge_data, tmp_path / "halves"),
    )  # fmt: skip
    assert resumed.parser.get_parsed_content("train::trainer").state.epoch == 2
    straight, halves = (
        torch.load(next((tmp_path / name / "state").glob("*epoch=2.pt")), weights_only=True)
        for name in ("straight", "halves")
    )
    for key, value in straight["network"].items():
        assert torch.equal(value, halves["network"][key]), key
    assert straight["evaluator"]["best_metric"] == halves["evaluator"]["best_metric"]
    assert straight["lr_scheduler"]["_last_lr"] == halves["lr_scheduler"]["_last_lr"]


def test_a_resume_beyond_the_end_of_the_schedule_is_refused_at_the_start(refuge_data, tmp_path, capfd):
    """The recipe's one-cycle schedule is as long as the first command's epochs, and the state keeps that length."""
    given = options(refuge_data, tmp_path / "out")
    run("refuge_mtl", "train", ROBUST, **TINY, **given)
    before = sorted(path.name for path in (tmp_path / "out" / "state").iterdir())
    longer = {"max_epochs": 3, "resume_from": "latest"}
    with pytest.raises(WorkflowError, match="at least 12 steps for max_epochs=3, but got a OneCycleLR of 4 steps"):
        run("refuge_mtl", "train", ROBUST, **TINY | longer, **given)
    assert sorted(path.name for path in (tmp_path / "out" / "state").iterdir()) == before


@pytest.mark.parametrize("overlays", [(), (ROBUST,)], ids=["constant", "one-cycle"])
def test_fewer_photographs_than_a_batch_are_refused_at_the_start(overlays, refuge_data, tmp_path, capfd):
    given = options(refuge_data, tmp_path / "out")
    with pytest.raises(
        WorkflowError, match="expected at least one batch of 17, but got 16 training samples; use a smaller"
    ):
        run("refuge_mtl", "train", *overlays, **TINY | {"batch_size": 17}, **given)


def test_weights_that_do_not_fit_end_an_evaluation_in_one_sentence(refuge_data, tmp_path, capfd):
    """By the handler that an evaluation loads them with."""
    network = workflow("refuge_mtl", "evaluate").parser.get_parsed_content("network")
    content = dict(network.state_dict())
    name = next(iter(content))
    (tmp_path / "out" / "models").mkdir(parents=True)
    torch.save(content | {name: torch.full_like(content[name], torch.nan)}, tmp_path / "out" / "models" / "model.pt")
    with pytest.raises(WorkflowError, match=f"expected finite weights, but got NaN or infinity in {name}; train again"):
        run("refuge_mtl", "evaluate", tracking_uri=None, **options(refuge_data, tmp_path / "out"))


@pytest.mark.parametrize("device", ["cuda:77", "nothing", "cuda:-2"])
def test_a_device_that_is_not_there_is_one_sentence(device, capfd):
    with pytest.raises(WorkflowError, match=f"^device: expected one that PyTorch can use here, but got '{device}' and"):
        workflow("refuge_mtl", "train", device=device)


def test_a_device_may_be_given_by_its_name():
    made = workflow("refuge_mtl", "train", device="cpu")
    assert made.parser.get_parsed_content("device") == torch.device("cpu")
    assert made.parser.get_parsed_content("train::dataloader::pin_memory") is False


def test_every_override_of_a_plain_value_reaches_the_objects(refuge_data, tmp_path):
    """Flags that lie are worse than none: each of these must change what is built."""
    changed = {"lr": 0.5, "batch_size": 3, "max_epochs": 7, "seed": 5, "amp": True, "task_names": ["disc", "glaucoma"]}
    changed |= {"network_def::encoder": "vgg16", "network_def::batch_norm": "batch", "network_def::dropout": 0.25}
    built = workflow("refuge_mtl", "train", tracking_uri=None, **options(refuge_data, tmp_path), **changed)
    built.initialize()
    trainer = built.parser.get_parsed_content("train::trainer")
    assert trainer.optimizer.param_groups[0]["lr"] == 0.5
    assert (trainer.data_loader.batch_size, trainer.state.max_epochs, trainer.seed, trainer.amp) == (3, 7, 5, True)
    network = trainer.network
    assert list(network.heads) == ["disc", "glaucoma"]
    assert network.heads["glaucoma"].dropout.p == 0.25
    assert len([m for m in network.encoder.modules() if isinstance(m, torch.nn.Conv2d)]) == 13
    assert not any("running" in name for name in network.state_dict())


@pytest.mark.parametrize("rule", ["losses", "metrics", "last"])
def test_the_rule_that_selects_the_epoch_is_an_option(rule, refuge_data, tmp_path):
    made = run("refuge_mtl", "train", selection_rule=rule, **TINY, **options(refuge_data, tmp_path))
    metrics = made.parser.get_parsed_content("validate::evaluator").state.metrics
    names = [f"val/loss_{name}" for name in ("disc", "cup", "fovea", "glaucoma")]
    if rule == "metrics":
        names = ["val/dice_disc", "val/dice_cup", "val/peak_fovea", "val/auc_glaucoma"]
    values = [metrics[name] for name in names]
    expected = {"losses": -sum(values), "metrics": np.nanmean(values), "last": 1.0}[rule]
    assert metrics["val/score"] == pytest.approx(expected)
    record = json.loads((tmp_path / "models" / "recipe.json").read_text())
    assert record["kept"] == {"epoch": 1, "rule": rule, "val_score": pytest.approx(expected)}


@pytest.mark.parametrize("bundle, kind", KINDS)
def test_every_recipe_is_accepted_by_every_command(bundle, kind):
    """An item of the training only must not look like a misspelt item of the evaluation."""
    configs = BUNDLES / bundle / "configs"
    files = [str(file) for file in files_of(configs / ("args.yaml" if kind == "train" else f"args_{kind}.yaml"))]
    robust = configs / "overlays" / "robust.yaml"
    for recipe in sorted((configs / "overlays").glob("*.yaml")):
        earlier = [recipe.parent / name for name in yaml.safe_load(recipe.read_text()).get("_after_", [])]
        overlays = [str(file) for file in dict.fromkeys((robust, *earlier, recipe)) if file.is_file()]
        assert "network_def" in StrictWorkflow(config_file=files, logging_file=False, overlay=overlays).parser.get()


def test_an_unknown_rule_is_refused_at_the_start(refuge_data, tmp_path, capfd):
    with pytest.raises(WorkflowError, match="selection_rule: expected one of losses, metrics, last, but got best"):
        run("refuge_mtl", "train", selection_rule="best", **TINY, **options(refuge_data, tmp_path))


@pytest.mark.parametrize("task", ["disc", "fovea", "glaucoma"])
def test_single_task_training_is_a_list_of_one(task, refuge_data, tmp_path):
    made = run("refuge_mtl", "train", task_names=[task], **TINY, **options(refuge_data, tmp_path))
    evaluator = made.parser.get_parsed_content("validate::evaluator")
    assert evaluator.state.metrics["val/score"] == pytest.approx(-evaluator.state.metrics[f"val/loss_{task}"])


def test_an_unreadable_photograph_is_a_row_of_the_evaluation(refuge_data, trained, tmp_path):
    datalist = json.loads((refuge_data / "datalist_official.json").read_text())
    for item in datalist["training"] + datalist["validation"] + datalist["testing"]:
        item |= {key: str((refuge_data / item[key]).resolve()) for key in ("image", "disc", "cup")}
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photograph")
    datalist["testing"][1]["image"] = str(broken)
    (tmp_path / "datalist.json").write_text(json.dumps(datalist))
    out = options(
        refuge_data, trained, datalist=str(tmp_path / "datalist.json"), evaluation_dir=str(tmp_path / "evaluation")
    )
    run("refuge_mtl", "evaluate", tracking_uri=None, **out)
    with (tmp_path / "evaluation" / "per_case.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["T0001", "T0002", "T0003", "T0004"]
    assert "not evaluated (read)" in rows["T0002"]["note"]
    assert rows["T0002"]["glaucoma_prob"] == ""
    assert rows["T0001"]["glaucoma_prob"]


def test_a_fold_of_five(refuge_data, tmp_path):
    made = workflow(
        "refuge_mtl", "train", fold=2, datalist=str(refuge_data / "datalist_cv5.json"), **options(refuge_data, tmp_path)
    )
    pooled = json.loads((refuge_data / "datalist_cv5.json").read_text())["training"]
    sections = [made.parser.get_parsed_content(f"{name}::dataset::data") for name in ("train", "validate")]
    assert {item["id"] for item in sections[1]} == {item["id"] for item in pooled if item["fold"] == 2}
    assert len(sections[0]) + len(sections[1]) == len(pooled) == 20


@pytest.mark.parametrize(
    "override, message",
    [
        ({"max_epoch": 1}, "did you mean max_epochs"),
        ({"amp": "false"}, "amp: expected auto, float32, bfloat16, float16, True or False, but got 'false'"),
        ({"half_precision": "false"}, "write True or False"),
        ({"train::trainr::max_epochs": 1}, "train::trainer::max_epochs"),
    ],
    ids=str,
)
def test_typing_errors_are_refused(override, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        workflow("refuge_mtl", "train", **override)
    assert message in str(stopped.value)


def test_a_missing_datalist_is_the_last_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("refuge_mtl", "train", **TINY, **options(tmp_path, tmp_path))
    last = (capsys.readouterr().err.strip() or "nothing").splitlines()[-1]
    assert "create it with `fundus-mtl prepare`" in last


def test_two_processes_train_as_one(refuge_data, tmp_path):
    """The command of the README, with gloo: both processes meet, and only the first writes."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
        "-m", "monai.bundle", "run", "--args_file", str(BUNDLES / "refuge_mtl" / "configs" / "args_multi_gpu.yaml"),
    ]  # fmt: skip
    given = TINY | options(refuge_data, tmp_path / "out") | {"size": 32, "network_def::width": 2}
    given |= {
        "overlay": str(BUNDLES / "methods" / "pcgrad.yaml"),
        "device": "$torch.device('cpu')",
        "tracking_uri": "None",
    }
    command += [part for key, value in given.items() for part in (f"--{key}", str(value))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=BUNDLES.parent, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    state = torch.load(tmp_path / "out" / "state" / "state_checkpoint_epoch=1.pt", weights_only=True)
    assert state["trainer"]["iteration"] == 2  # sixteen photographs, four on each of two processes per step
    assert (done.stdout + done.stderr).count("Key metric: train/score") == 1  # logged once, not by each process
    assert (tmp_path / "out" / "models" / "model.pt").is_file()
