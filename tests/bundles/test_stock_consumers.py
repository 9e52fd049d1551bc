"""Every exported bundle, with the weights of the package, in the hands of programs that know MONAI bundles only.

The tests for MONAI Label 0.8.5, MONAI Deploy App SDK 4.0.0 and the model zoo do with the bundle what these programs do with
it, by the keys that they read: neither is a dependency. Their own operators were run by hand, see docs/bundles.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export, verify_metadata, verify_net_in_out
from monai.data import MetaTensor
from monai.transforms import Compose, MapTransform
from PIL import Image

from fundus_mtl.predictor import load_model
from fundus_mtl.workflow import export_bundle
from tests.bundles.conftest import BUNDLES, run
from tests.bundles.conftest import digits_data as digits_data

NAMES = ("refuge_mtl", "refuge_disc_mtl", "hrf_av_mtl", "digits_mtl")
EYES = tuple(name for name in NAMES if name != "digits_mtl")
ZOO_LIMIT = 25 * 2**20  # bytes of a file in the model zoo's repository


@pytest.fixture(scope="module")
def bundles(tmp_path_factory, digits_data):
    """From the name of a bundle to its exported folder; digits have no weights in the package and are trained."""
    folder = tmp_path_factory.mktemp("bundles")
    given = {"dataset_dir": str(digits_data), "output_dir": str(folder / "run"), "tracking_uri": None}
    run("digits_mtl", "train", max_epochs=1, batch_size=4, **given)
    weights = {"digits_mtl": folder / "run" / "models" / "model.pt"}
    for name in NAMES:
        export_bundle(name, folder / name, weights.get(name))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A photograph that is not square, the window around its disc, and a digit; a folder for each bundle."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in NAMES:
        (folder / name).mkdir()
    with Image.open(BUNDLES.parent / "data_prep" / "samples" / "retina.jpg") as eye:
        whole = eye.resize((470, 470)).crop((0, 30, 470, 440))
        for name in ("refuge_mtl", "hrf_av_mtl"):
            whole.save(folder / name / "picture.png")
        eye.crop((30, 450, 400, 850)).save(folder / "refuge_disc_mtl" / "picture.png")
    digit = np.random.default_rng(0).integers(0, 256, (20, 24), dtype=np.uint8)
    Image.fromarray(digit).save(folder / "digits_mtl" / "picture.png")
    return folder


def parsed(root, **changes):
    parser = ConfigParser()
    parser.read_config(str(root / "configs" / "inference.json"))
    parser.config.update({"bundle_root": str(root)} | changes)
    return parser


@pytest.fixture(scope="module")
def networks(bundles):
    """The networks of `network_def` with their weights, by bundle."""
    made = {}
    for name in NAMES:
        made[name] = parsed(bundles / name).get_parsed_content("network_def").eval()
        made[name].load_state_dict(torch.load(bundles / name / "models" / "model.pt", weights_only=True))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_monais_verbs(name, bundles, networks, tmp_path):
    """What python -m monai.bundle verify_metadata, verify_net_in_out and ckpt_export do, in this process."""
    root = bundles / name
    meta, config = (str(root / "configs" / file) for file in ("metadata.json", "inference.json"))
    with pytest.warns(UserWarning, match="No hash value provided"):
        verify_metadata(meta_file=meta, filepath=str(BUNDLES.parent / "tests" / "bundles" / "metadata_schema.json"))
    verify_net_in_out("network_def", meta_file=meta, config_file=config, bundle_root=str(root))
    exported = tmp_path / "model.ts"
    given = {"ckpt_file": str(root / "models" / "model.pt"), "meta_file": meta, "config_file": config}
    ckpt_export("network_def", filepath=str(exported), bundle_root=str(root), **given)
    image = torch.rand(2, *networks[name].input_shape)
    with torch.no_grad():
        expected = networks[name](image)
        for path in (exported, root / "models" / "model.ts"):
            extra = {"metadata.json": "", "inference.json": ""}
            assert torch.equal(torch.jit.load(path, _extra_files=extra)(image), expected)
            assert json.loads(extra["inference.json"]) == json.loads(Path(config).read_text())


@pytest.mark.parametrize("name", NAMES)
def test_monais_run(name, bundles, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(bundles / name)
    workflow = ConfigWorkflow(
        "configs/inference.json",
        logging_file=False,
        workflow_type="infer",
        dataset_dir=str(pictures / name),
        results_dir=str(tmp_path),
        device="$torch.device('cpu')",
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    workflow.run()
    workflow.finalize()
    written = {"digits_mtl": "predictions.csv", "refuge_disc_mtl": "picture.png.png"}.get(name, "results.csv")
    assert (tmp_path / written).is_file()
    if name == "digits_mtl":
        label, *scores = (tmp_path / written).read_text().strip().split(",")
        assert label == "picture.png"
        assert [sum(map(float, scores[start : start + 5])) for start in (0, 5)] == pytest.approx([1, 1])


@pytest.mark.parametrize("name", NAMES)
def test_the_metadata_is_true_of_the_network(name, bundles, networks):
    metadata = json.loads((bundles / name / "configs" / "metadata.json").read_text())
    (image,), (pred,) = (metadata["network_data_format"][side].values() for side in ("inputs", "outputs"))
    shape = (image["num_channels"], *image["spatial_shape"])
    with torch.no_grad():
        found = networks[name](torch.rand(1, *shape))
    assert found.shape[1] == pred["num_channels"] == len(pred["channel_def"])
    assert tuple(found.shape[2:]) == (tuple(pred["spatial_shape"]) if found.ndim == 4 else ())
    low, high = pred["value_range"]
    assert low <= float(found.min()) <= float(found.max()) <= high
    expected = {
        "refuge_mtl": ["background", "optic disc", "fovea", "quality"],
        "refuge_disc_mtl": ["background", "optic disc, cup included", "optic cup", "glaucoma"],
        "hrf_av_mtl": ["background", "artery", "vein", "vessel"],
        "digits_mtl": [f"even {digit}" for digit in "02468"] + [f"odd {digit}" for digit in "13579"],
    }
    assert list(pred["channel_def"].values()) == expected[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_model_zoo_verifies(name, bundles):
    """Files, sizes, version in the changelog, versions of the packages, a network and weights by their usual names."""
    root = bundles / name
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files >= {"LICENSE", "docs/README.md", "models/model.pt", "models/model.ts"}
    assert files >= {f"configs/{file}" for file in ("metadata.json", "inference.json", "train.json", "logging.conf")}
    assert all((root / file).stat().st_size <= ZOO_LIMIT for file in files)
    metadata = json.loads((root / "configs" / "metadata.json").read_text())
    assert metadata["version"] in metadata["changelog"]
    assert all(
        re.fullmatch(r"\d+\.\d+\.\d+", metadata[f"{package}_version"]) for package in ("monai", "pytorch", "numpy")
    )
    assert "fundus_mtl" in metadata["required_packages_version"]
    assert "not a medical device" in (metadata["intended_use"] + metadata["description"]).lower()


def label_map(post, image, pred):
    return np.asarray(post({"image": image, "pred": pred})["pred"])


@pytest.mark.parametrize("source", ["path", "array"])
@pytest.mark.parametrize("name", EYES)
def test_what_monai_label_reads(name, source, bundles, pictures):
    """`BundleInferTask`: metadata.json, then network_def, preprocessing, inferer, postprocessing, device, bundle_root.

    It takes the first input and the first output of the metadata as the keys of a sample, and `spatial_shape` of the
    image's metadata as the size to which a label is brought back.
    """
    root, path = bundles / name, pictures / name / "picture.png"
    parser = parsed(root, device="cpu")
    network = parser.get_parsed_content("network_def", instantiate=True)
    weights = torch.load(root / "models" / "model.pt", map_location="cpu", weights_only=True)
    assert set(network.state_dict()) == set(weights)
    network.load_state_dict(weights, strict=False)
    formats = json.loads((root / "configs" / "metadata.json").read_text())["network_data_format"]
    (key_image, image), (key_pred, pred) = (next(iter(formats[side].items())) for side in ("inputs", "outputs"))
    assert (key_image, key_pred, len(image["spatial_shape"])) == ("image", "pred", 2)
    data = {key_image: str(path) if source == "path" else np.asarray(Image.open(path)), "device": "cpu"}
    for transform in list(parser.get_parsed_content("preprocessing", instantiate=True).transforms):
        data = transform(data)
    with torch.no_grad():
        data[key_pred] = parser.get_parsed_content("inferer", instantiate=True)(data[key_image][None], network.eval())[
            0
        ]
    for transform in list(parser.get_parsed_content("postprocessing", instantiate=True).transforms):
        data = transform(data)
    found = data[key_pred]
    native = np.asarray(Image.open(path)).shape[:2]
    assert tuple(data[key_image].meta["spatial_shape"]) == native
    assert (tuple(found.shape), found.dtype) == ((1, *native), torch.uint8)
    labels = {int(number) for number, text in pred["channel_def"].items() if text != "background"}
    assert set(np.unique(found)) - {0} <= labels
    assert len(np.unique(found)) > 1


@pytest.mark.parametrize("name", NAMES)
def test_what_monai_deploy_reads(name, bundles, pictures):
    """`MonaiBundleInferenceOperator`: inference.json with metadata.json, preprocessing, inferer, postprocessing, model.ts.

    Both chains must be a `Compose` of map transforms; transforms named LoadImage or SaveImage are taken out; the picture
    is a tensor in memory, `(H, W, C)`, and the answer is squeezed to one channel.
    """
    root = bundles / name
    parser = parsed(root)
    chains = {item: parser.get_parsed_content(item) for item in ("preprocessing", "postprocessing")}
    for chain in chains.values():
        assert isinstance(chain, Compose)
        assert isinstance(chain.transforms[0], MapTransform)
        assert not [each for each in chain.transforms if re.search("LoadImage|SaveImage", type(each).__name__)]
    picture = np.atleast_3d(np.asarray(Image.open(pictures / name / "picture.png")))
    sample = chains["preprocessing"]({"image": MetaTensor(torch.from_numpy(picture.copy()), meta={})})
    network = torch.jit.load(root / "models" / "model.ts", map_location="cpu").eval()
    with torch.no_grad():
        outputs = parser.get_parsed_content("inferer")(inputs=sample["image"][None], network=network)
    found = chains["postprocessing"]({"pred": outputs[0], "image": sample["image"]})["pred"]
    if name == "digits_mtl":
        assert found.shape == (10,)
        return
    assert np.squeeze(found.cpu().numpy(), 0).astype(np.uint8).shape == picture.shape[:2]


def test_the_label_map_is_the_mask_of_the_package(bundles, pictures):
    """Of a photograph with one disc, the disc in the label map is the predictor's, but for the fovea that lies over it."""
    path = pictures / "refuge_mtl" / "picture.png"
    parser = parsed(bundles / "refuge_mtl", device="cpu")
    network = torch.jit.load(bundles / "refuge_mtl" / "models" / "model.ts")
    sample = parser.get_parsed_content("preprocessing")({"image": str(path)})
    with torch.no_grad():
        pred = network(sample["image"].as_tensor()[None])[0]
    found = label_map(parser.get_parsed_content("postprocessing"), sample["image"], pred)[0]
    (answer,) = load_model(bundles / "refuge_mtl" / "models" / "model.pt", "cpu")([np.asarray(Image.open(path))])
    assert answer.masks["disc"].any()
    assert np.array_equal(found == 1, answer.masks["disc"] & (found != 2))
    x, y = answer.points["fovea"]
    assert found[round(y), round(x)] in (0, 2)


@pytest.mark.parametrize("name", ["refuge_disc_mtl", "digits_mtl"])
def test_onnx_answers_as_the_network(name, bundles, networks, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    weights = bundles / "run" / "models" / "model.pt" if name == "digits_mtl" else None
    export_bundle(name, tmp_path / "out", weights, onnx=True)
    session = runtime.InferenceSession(str(tmp_path / "out" / "models" / "model.onnx"))
    image = torch.rand(1, *networks[name].input_shape)
    with torch.no_grad():
        expected = networks[name](image).numpy()
    (found,) = session.run(["pred"], {"image": image.numpy()})
    assert np.abs(found - expected).max() < 1e-4
