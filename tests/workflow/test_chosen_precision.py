"""``amp: auto`` is replaced by the precision of the machine before anything is hashed, recorded or built."""

from __future__ import annotations

import json

import pytest
import torch

from fundus_mtl.files import config_sha256
from fundus_mtl.workflow import WorkflowError
from fundus_mtl.workflow._chosen_precision import chosen_precision
from tests.bundles.conftest import workflow


@pytest.fixture
def processor(monkeypatch):
    """Pretend a processor with or without instructions for bfloat16."""

    def pretend(bfloat16):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)

    return pretend


@pytest.mark.parametrize("bundle", ["refuge_mtl", "refuge_disc_mtl", "hrf_av_mtl", "digits_mtl"])
def test_every_training_records_what_its_machine_chose(bundle, processor):
    hashes = set()
    for bfloat16, name in ((True, "bfloat16"), (False, "float32")):
        processor(bfloat16)
        parser = workflow(bundle, "train").parser
        assert parser["amp"] == name
        assert json.loads(parser["recipe"])["options"]["amp"] == name
        assert json.loads(parser["merged_config"])["amp"] == name
        hashes.add(config_sha256(parser["merged_config"]))
    assert len(hashes) == 2


@pytest.mark.parametrize("given", ["float32", "float16", True, False])
def test_a_choice_of_the_user_stays_as_it_is(given, processor):
    processor(True)
    parser = workflow("refuge_mtl", "train", amp=given).parser
    assert parser["amp"] == given
    assert json.loads(parser["recipe"])["options"]["amp"] == given


@pytest.mark.parametrize("bundle", ["refuge_mtl", "refuge_disc_mtl", "hrf_av_mtl", "digits_mtl"])
def test_an_evaluation_is_in_float32_unless_asked(bundle, processor):
    processor(True)
    assert workflow(bundle, "evaluate").parser["amp"] == "float32"
    assert workflow(bundle, "evaluate", amp="auto").parser["amp"] == "bfloat16"


@pytest.mark.parametrize("kind", ["train", "evaluate"])
def test_an_unknown_word_is_refused_before_anything_is_built(kind):
    with pytest.raises(
        WorkflowError, match="^amp: expected auto, float32, bfloat16, float16, True or False, but got 'h"
    ):
        workflow("refuge_mtl", kind, amp="half")


def test_the_device_may_be_an_expression_that_refers_to_items(processor):
    processor(True)
    config = {"imports": ["$import torch as t"], "kind": "cpu", "device": "$t.device(@kind)", "amp": "auto"}
    assert chosen_precision(config) == {"amp": "bfloat16"}
    assert chosen_precision(config | {"kind": "meta"}) == {"amp": "float32"}
    assert chosen_precision(config | {"amp": "$'auto'"}) == {}
    assert chosen_precision({"amp": "auto"}) == {"amp": "bfloat16"}
    assert chosen_precision({"device": "cpu"}) == {}
