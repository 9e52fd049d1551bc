"""``docs/README.md`` of an exported bundle."""

from __future__ import annotations

from collections.abc import Sequence


def exported_readme(name: str, parts: Sequence[str], stock: bool, own: str) -> str:
    """Return the text: how to run the bundle where it is, then the bundle's own text.

    Args:
        name: Name of the bundle.
        parts: Names of its configs that can be run.
        stock: Whether its inference has MONAI's ids for a network that answers one tensor.
        own: Text of the bundle in the package.
    """
    runs = [f"{_BUNDLE} run --config_file configs/{part}.json" for part in parts]
    commands = [*runs, *(f"{_BUNDLE} {verb}" for verb in _VERBS if stock)]
    return _README.format(name=name, commands="\n".join(commands), stock=_STOCK_README if stock else "", own=own)


_BUNDLE = "python -m monai.bundle"
_FILES = "--meta_file configs/metadata.json --config_file configs/inference.json"
_VERBS = (
    "verify_metadata --meta_file configs/metadata.json --filepath eval/schema.json",
    f"verify_net_in_out network_def {_FILES}",
    f"ckpt_export network_def {_FILES} --ckpt_file models/model.pt --filepath models/model.ts",
)
_README = """# {name}, a bundle on its own

Made with `fundus-mtl bundle {name}`. Research use only. It needs an environment in which the Python package `fundus_mtl`
is installed: the configs name its transforms and networks. In this folder:

```bash
{commands}
```

From another folder add `--bundle_root` with the path of this one. `--dataset_dir` is the folder of the data, or of the
photographs. Add `--workflow_name fundus_mtl.workflow.StrictWorkflow` to `run` for checks of what you type, results that
can be resumed, an exit status, and paths as you write them: without it, MONAI reads every `#` in a value, such as the
folder `two #1`, as `::`, and takes numbers out of range, such as a size of 0. Training replaces `models/model.pt`; on
several GPUs it is `torchrun --standalone --nproc_per_node 2 -m monai.bundle run` with
`--config_file "['configs/train.json','configs/multi_gpu_train.json']"`.

{stock}What follows is the text of the bundle in the package. Its `args.yaml` and overlays are merged into the files here.

{own}"""
_STOCK_README = """`configs/inference.json` suits programs that know MONAI bundles: MONAI Label, MONAI Deploy, MONAI's verbs
above. There, `network_def` answers one tensor `pred` with values from 0 to 1; `metadata.json` says what each channel is.
`preprocessing`, `inferer` and `postprocessing` belong to it. Where a task is dense, `postprocessing` turns `pred` into a
label map on the photograph's own pixels, whose numbers are those of the channels. The items of the package's own
inference that had these names are called `task_network_def`, `task_network`, `task_inferer` and `task_postprocessing`: an
option such as `--network_def::width 8` of the training is `--task_network_def::width 8` there. `models/model.ts` is
`network_def` with its weights as TorchScript.

For federated learning give `MonaiAlgo` `config_train_filename="configs/train.json"` and
`config_evaluate_filename="configs/train.json"`; `configs/evaluate.json` is a whole configuration, not an overlay.

"""
