"""Which precision a setting means on which hardware."""

from __future__ import annotations

import pytest
import torch

from fundus_mtl.precision import Precision


@pytest.fixture
def hardware(monkeypatch):
    """Pretend a processor with these instructions, or a GPU of this compute capability."""

    def pretend(avx512_bf16=False, amx=False, gpu=(8, 0)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: gpu)

    return pretend


@pytest.mark.parametrize(
    "device, known, expected",
    [
        ("cpu", {}, "float32"),
        ("cpu", {"avx512_bf16": True}, "bfloat16"),
        ("cpu", {"amx": True}, "bfloat16"),
        ("cuda", {"gpu": (7, 5)}, "float16"),
        ("cuda:1", {"gpu": (8, 0)}, "bfloat16"),
        ("cuda", {"gpu": (9, 0)}, "bfloat16"),
        ("mps", {"avx512_bf16": True}, "float32"),
    ],
)
def test_auto_is_what_the_hardware_computes(device, known, expected, hardware):
    hardware(**known)
    assert Precision.of("auto", torch.device(device)) == Precision(expected)


def test_a_torch_without_these_queries_gives_float32(monkeypatch):
    for query in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, query, raising=False)
    assert Precision.of("auto", "cpu").name == "float32"


@pytest.mark.parametrize("device, gpu, mixed", [("cpu", (0, 0), "bfloat16"), ("cuda", (7, 0), "float16")])
def test_true_and_false_stay_settings(device, gpu, mixed, hardware):
    """Whether the hardware computes the format or not: the user asked for it."""
    hardware(gpu=gpu)
    assert Precision.of(False, device).name == "float32"
    assert Precision.of(True, device).name == mixed


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_name_is_taken_as_it_is(name, hardware):
    hardware(gpu=(7, 0))
    for device in ("cpu", "cuda"):
        assert Precision.of(name, device).name == name


@pytest.mark.parametrize("amp", ["half", "True", "", None, 16])
def test_anything_else_is_one_sentence(amp):
    with pytest.raises(ValueError, match="amp: expected auto, float32, bfloat16, float16, True or False, but got"):
        Precision.of(amp, "cpu")


@pytest.mark.parametrize("name, dtype", [("bfloat16", torch.bfloat16), ("float16", torch.float16)])
def test_autocast_computes_in_the_format(name, dtype):
    precision = Precision(name)
    with torch.autocast("cpu", enabled=precision.mixed, **precision.autocast):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype
    full = Precision("float32")
    with torch.autocast("cpu", enabled=full.mixed, **full.autocast):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


def test_the_smallest_gradients_decide_about_the_scaler():
    """1e-20 is a number in bfloat16 and 0 in float16."""
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        vanishes = torch.tensor(1e-20, dtype=dtype) == 0
        assert Precision(name).needs_scaler == bool(vanishes)
