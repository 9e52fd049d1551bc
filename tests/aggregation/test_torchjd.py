"""The adapter with every aggregator of TorchJD, found by introspection: sum scale and state."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.aggregation import CAGrad, TorchJD
from tests.aggregation.rules import Adding, gradients, through_a_file

jd = pytest.importorskip("torchjd.aggregation")
pytestmark = pytest.mark.filterwarnings(
    "ignore:You are solving a parameterized problem that is not DPP:UserWarning",  # cvxpy of torchjd's NashMTL
    "ignore:Solution may be inaccurate:UserWarning",
)

TASKS = 4
ARGUMENTS = {  # of classes that have arguments without a default
    "Constant": lambda: {"weights": tensor([1.0, 2.0, 3.0, 0.5])},
    "CAGrad": lambda: {"c": 0.5},
    "Krum": lambda: {"n_byzantine": 1},
    "NashMTL": lambda: {"n_tasks": TASKS},
    "FairGrad": lambda: {"alpha": 1.0},
    "TrimmedMean": lambda: {"trim_number": 1},
}
BASES = {"Aggregator", "WeightedAggregator", "GramianWeightedAggregator"}
CLASSES = sorted(name for name in jd.__all__ if name not in BASES and issubclass(getattr(jd, name), jd.Aggregator))
COMPOSED = {
    "smoothed UPGrad": lambda: jd.GramianWeightedAggregator(jd.CRMOGMWeighting(jd.UPGradWeighting())),
    "smoothed GradVac": lambda: jd.GramianWeightedAggregator(jd.CRMOGMWeighting(jd.GradVacWeighting())),
    "MoDo": lambda: jd.GramianWeightedAggregator(jd.MoDoWeighting()),
    "SDMGrad": lambda: jd.GramianWeightedAggregator(jd.SDMGradWeighting()),
    "ExcessMTL after warm-up": lambda: jd.ExcessMTL(n_warmup_steps=2),
    "NashMTL every third step": lambda: jd.NashMTL(n_tasks=TASKS, update_weights_every=3),
    "GradDrop with leaks": lambda: jd.GradDrop(leak=tensor([0.1, 0.0, 1.0, 0.5])),
    "UPGrad with preferences": lambda: jd.UPGrad(pref_vector=tensor([0.1, 0.2, 0.3, 0.4])),
}
NAMES = [*CLASSES, *COMPOSED]
# Not homogeneous, so a factor found on rows of norm one holds for these only.
NOT_HOMOGENEOUS = {"NashMTL", "NashMTL every third step", "FairGrad"}
NEITHER_SUM_NOR_MEAN = {"CAGrad": TASKS / 1.5, "Constant": TASKS / 6.5, "FairGrad": 2.0}


def made(name):
    if name in COMPOSED:
        return COMPOSED[name]()
    try:
        return getattr(jd, name)(**ARGUMENTS.get(name, dict)())
    except ImportError as error:  # an extra of an extra
        pytest.skip(str(error))


def rows_of(seed, dtype=torch.float32):
    return gradients(TASKS, width=9, seed=seed, dtype=dtype)


def test_the_list_of_aggregators_is_found():
    assert {"UPGrad", "NashMTL", "GradVac", "ConFIG", "PCGrad"} <= set(CLASSES)
    for name in CLASSES:
        required = {
            key
            for key, parameter in inspect.signature(getattr(jd, name)).parameters.items()
            if parameter.default is parameter.empty
        }
        assert required <= set(ARGUMENTS.get(name, dict)())


@pytest.mark.parametrize("name", NAMES)
def test_shape_and_dtype(name):
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        update = TorchJD(made(name))(rows_of(0, dtype))
        assert update.shape == (9,)
        assert update.dtype == dtype
        assert update.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_equal_gradients_add_up(name):
    g = rows_of(1)[0]
    g = g / g.norm() * (1.0 if name in NOT_HOMOGENEOUS else 3.7)
    assert_close(TorchJD(made(name))(g.repeat(TASKS, 1)), TASKS * g, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_factor_is_the_only_change(name):
    """A number multiplies the rule's own result; "tasks" is 1 for sums, T for means, and known otherwise."""
    rows = rows_of(2)
    own = TorchJD(made(name), scale=1.0)(rows)
    assert_close(TorchJD(made(name), scale=2.5)(rows), 2.5 * own)
    rule = TorchJD(made(name))
    if name == "NashMTL every third step" or own.norm() == 0:
        return
    factor = (rule(rows) @ own / (own @ own)).item()
    expected = [NEITHER_SUM_NOR_MEAN[name]] if name in NEITHER_SUM_NOR_MEAN else [1.0, TASKS]
    assert min(abs(factor - value) for value in expected) < 1e-3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [0, 3])
def test_resume_and_copy_are_bit_exact(name, steps):
    rule = TorchJD(made(name), seed=5)
    for step in range(steps):
        rule(rows_of(step))
    resumed = TorchJD(made(name), seed=5)
    resumed(rows_of(99))  # its state is reset
    resumed.load_state_dict(through_a_file(rule.state_dict()))
    twin = copy.deepcopy(rule)
    for step in range(10, 15):
        expected = rule(rows_of(step))
        assert torch.equal(resumed(rows_of(step)), expected)
        assert torch.equal(twin(rows_of(step)), expected)


@pytest.mark.parametrize("name", ["GradVac", "NashMTL", "ExcessMTL", "PCD", "smoothed GradVac", "MoDo", "SDMGrad"])
def test_there_is_a_state_to_keep(name):
    rule, fresh = TorchJD(made(name)), TorchJD(made(name))
    for step in range(4):
        rule(rows_of(step))
    assert rule.state_dict()["rule"]["attributes"]
    assert not fresh.state_dict()["rule"]["attributes"]
    state = rule.state_dict()
    before = str(state)
    rule(rows_of(4))
    assert str(state) == before  # a state that was handed out does not move with the rule, nor with one that loads it
    assert str(rule.state_dict()) != before
    fresh.load_state_dict(state)
    fresh(rows_of(4))
    assert str(state) == before


@pytest.mark.parametrize("name", ["Random", "PCGrad", "GradDrop", "GradVac"])
def test_the_global_generator_is_not_changed(name):
    rows = rows_of(3)
    first = TorchJD(made(name), seed=1)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    updates = [first(rows) for _ in range(6)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(12345)
    second, other = TorchJD(made(name), seed=1), TorchJD(made(name), seed=2)
    assert all(torch.equal(second(rows), update) for update in updates)
    if name in ("Random", "GradDrop"):
        assert not torch.equal(other(rows), updates[0])
        assert not torch.equal(updates[0], updates[1])


def test_torchjds_cagrad_is_ours_by_another_rescaling():
    made("CAGrad")
    rows = rows_of(4, torch.float64)
    assert_close(TorchJD(jd.CAGrad(c=0.5))(rows), CAGrad(0.5, rescale="1+c")(rows), rtol=1e-3, atol=1e-3)


def test_the_factor_is_found_again_for_another_number_of_tasks():
    rule = TorchJD(jd.Mean())
    for tasks in (2, 5, 3):
        rows = gradients(tasks)
        assert_close(rule(rows), rows.sum(dim=0))


def test_weights_cannot_be_found_for_a_rule_that_cancels_equal_gradients():
    rule = TorchJD(jd.Constant(tensor([1.0, -1.0])))
    with pytest.raises(ValueError, match="positive multiple of g for 2 equal gradients g, but got .*; give scale as"):
        rule(gradients(2, dtype=torch.float32))
    g = gradients(2, dtype=torch.float32)
    assert_close(TorchJD(jd.Constant(tensor([1.0, -1.0])), scale=1.0)(g), g[0] - g[1])


@pytest.mark.parametrize("scale", ["tasks", 1.0])
@pytest.mark.parametrize("name", ["Constant", "NashMTL", "GradDrop with leaks", "UPGrad with preferences"])
def test_a_group_of_another_size_raises(name, scale):
    with pytest.raises(ValueError, match="TorchJD: expected .* to combine the gradients of 3 tasks, but got"):
        TorchJD(made(name), scale)(gradients(3, dtype=torch.float32))


@pytest.mark.parametrize("name", ["GradVac", "smoothed GradVac", "NashMTL every third step"])
def test_a_rule_with_a_memory_keeps_its_number_of_tasks(name):
    rule = TorchJD(made(name), scale=1.0)
    rule(rows_of(0))
    with pytest.raises(ValueError, match="expected the 4 tasks that .* remembers, but got 3; give each group"):
        rule(gradients(3, dtype=torch.float32))


def test_a_weighting_is_not_an_aggregator():
    for scale in ("tasks", 1.0):
        with pytest.raises(ValueError, match="put a Weighting into a WeightedAggregator"):
            TorchJD(jd.MeanWeighting(), scale)(gradients(4, dtype=torch.float32))


class Broken(nn.Module):
    """Divides by zero."""

    def forward(self, matrix):
        return matrix.sum(dim=0) / 0


def test_an_infinite_update_is_an_error():
    with pytest.raises(ValueError, match="expected Broken.* to return a finite update of 3 gradients"):
        TorchJD(Broken(), scale=1.0)(gradients(3))


class Handle:
    """Something that no checkpoint can hold."""

    def __init__(self):
        self.seen = 0


class Opaque(Adding):
    """Counts in an object of its own."""

    def __init__(self):
        super().__init__()
        self.handle = Handle()

    def forward(self, matrix):
        self.handle.seen += 1
        return super().forward(matrix)


def test_a_state_that_cannot_be_saved_raises_and_is_not_lost():
    rule = TorchJD(Opaque())
    assert rule.state_dict()["rule"]["attributes"] == {}
    rule(gradients(3))
    with pytest.raises(TypeError, match="but got a changed Handle as 'handle', which no checkpoint can hold"):
        rule.state_dict()


def test_another_rules_state_raises():
    rule = TorchJD(jd.GradVac())
    rule(rows_of(0))
    with pytest.raises(KeyError, match="expected the state of UPGrad\\(.*\\), but got GradVac"):
        TorchJD(jd.UPGrad()).load_state_dict(rule.state_dict())


def test_wrong_arguments_raise():
    for scale in ("mean", 0, -1.0, float("nan"), float("inf"), True):
        with pytest.raises(ValueError, match="scale to be 'tasks' or a positive number"):
            TorchJD(Adding(), scale)
    for aggregator in (lambda matrix: matrix.sum(0), nn.Linear(3, 1)):
        with pytest.raises(TypeError, match="expected an aggregator of torchjd without learned parameters"):
            TorchJD(aggregator)
