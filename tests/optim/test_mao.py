from __future__ import annotations

import copy
import io
import math
import weakref
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.optim import MAO

SHAPES = [(3, 2), (4,), ()]
EXACT = partial(assert_close, rtol=0, atol=0)


def parameters(dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)) for shape in SHAPES]


def gradients(step, task, missing=()):
    """Of very unequal scales, as the tasks' are; ``None`` at the places in ``missing``."""
    generator = torch.Generator().manual_seed(1000 * step + task)
    rows = [10.0 ** (-3 * task) * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]
    return [None if place in missing else row for place, row in enumerate(rows)]


def groups(weights):
    return [
        {"params": weights[:1], "lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-6},
        {"params": weights[1:], "weight_decay": 0.3},
    ]


def run(optimizer, steps, tasks=3, start=0):
    for step in range(start, start + steps):
        for task in range(tasks):
            # Task 1 does not reach the last parameter; task 2 misses every third step altogether.
            if task != 2 or step % 3:
                optimizer.accumulate(task, gradients(step, task, missing=(2,) if task == 1 else ()))
        optimizer.step()


def paper(theta, history, *, lr, beta1, beta2, eps, decay, inside, printed, mean):
    """One scalar parameter, computed as printed in section 4; ``history[t][n]`` is task n's gradient, or None."""
    m, v = {}, {}
    for t, row in enumerate(history, start=1):
        terms = []
        for n, g in enumerate(row):
            if g is None:
                continue
            m[n] = beta1 * m.get(n, 0.0) + (1 - beta1) * g if beta1 is not None else g
            v[n] = beta2 * v.get(n, 0.0) + (1 - beta2) * g * g
            if beta1 is None or printed:
                ratio = 1.0 if beta1 is None else (1 - beta2**t) / (1 - beta1**t)
                root = math.sqrt(v[n] + eps) if inside else math.sqrt(v[n]) + eps
                terms.append(lr / root * m[n] * ratio)
            else:
                m_hat, v_hat = m[n] / (1 - beta1**t), v[n] / (1 - beta2**t)
                terms.append(lr * m_hat / (math.sqrt(v_hat + eps) if inside else math.sqrt(v_hat) + eps))
        if terms:
            total = math.fsum(terms) / (len(terms) if mean else 1)
            theta = theta - total - lr * decay * theta
    return theta


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"eps_inside": True, "eps": 1e-4},
        {"reduction": "mean", "weight_decay": 0.1},
        {"bias_correction": "printed", "weight_decay": 0.1},
        {"bias_correction": "printed", "eps_inside": True, "eps": 1e-4},
        {"betas": (None, 0.9)},
        {"betas": (None, 0.9), "eps_inside": True, "eps": 1e-4, "bias_correction": "printed"},
    ],
)
def test_the_paper_scalar_by_scalar(form):
    """Three tasks, twelve steps, gradients missing here and there: plain Python is the oracle."""
    weights = parameters()
    before = [w.detach().clone() for w in weights]
    optimizer = MAO(weights, lr=0.01, **form)
    run(optimizer, 12)
    beta1, beta2 = form.get("betas", (0.9, 0.999))
    for place, (weight, old) in enumerate(zip(weights, before, strict=True)):
        for index in np.ndindex(*old.shape):
            history = [
                [
                    None if (n == 2 and s % 3 == 0) or (n == 1 and place == 2) else gradients(s, n)[place][index].item()
                    for n in range(3)
                ]
                for s in range(12)
            ]
            expected = paper(
                old[index].item(),
                history,
                lr=0.01,
                beta1=beta1,
                beta2=beta2,
                eps=form.get("eps", 1e-8),
                decay=form.get("weight_decay", 0.0),
                inside=form.get("eps_inside", False),
                printed=form.get("bias_correction") == "printed",
                mean=form.get("reduction") == "mean",
            )
            assert weight[index].item() == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_first_step_by_hand():
    """Each task's first step is lr times the gradient's sign, however small the gradient; decay comes once."""
    weight = nn.Parameter(tensor([1.0, 1.0], dtype=torch.float64))
    optimizer = MAO([weight], lr=0.1, eps=0.0, weight_decay=0.5)
    for task, gradient in {"a": [3.0, 1.0], "b": [1e-9, -1.0], "c": [0.5, -7.0]}.items():
        optimizer.accumulate(task, [tensor(gradient, dtype=torch.float64)])
    optimizer.step()
    assert_close(weight.data, tensor([1 - 0.3 - 0.05, 1 + 0.1 - 0.05], dtype=torch.float64))


@pytest.mark.parametrize(
    "form, factor", [({"bias_correction": "printed"}, 0.001**0.5), ({"betas": (None, 0.999)}, 1000**0.5)]
)
def test_first_step_of_the_printed_forms(form, factor):
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = MAO([weight], lr=1.0, eps=0.0, **form)
    optimizer.accumulate("a", [tensor([5.0], dtype=torch.float64)])
    optimizer.step()
    assert weight.item() == pytest.approx(-factor)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("foreach", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_one_task_is_adamw_bit_for_bit(dtype, foreach, reduction):
    ours, theirs = parameters(dtype), parameters(dtype)
    mao = MAO(groups(ours), lr=0.02, betas=(0.85, 0.99), reduction=reduction)
    adamw = torch.optim.AdamW(groups(theirs), lr=0.02, betas=(0.85, 0.99), weight_decay=0.0, foreach=foreach)
    for step in range(60):
        for optimizer in (mao, adamw):
            optimizer.param_groups[1]["lr"] = 0.02 / (1 + step)
        # On some steps nothing is reached at all: neither counts it.
        rows = [None if g is None else g.to(dtype) for g in gradients(step, 0, (0, 1, 2) if step % 7 == 3 else ())]
        mao.accumulate("only", rows)
        mao.step()
        for weight, row in zip(theirs, rows, strict=True):
            weight.grad = row
        adamw.step()
    for one, other in zip(ours, theirs, strict=True):
        EXACT(one, other)
    assert mao.param_groups[0]["step"] == adamw.state[theirs[0]]["step"]


def test_a_parameter_that_is_not_reached_keeps_its_moments_but_steps_are_counted():
    """By hand, betas (.5, .5): the third step sees t = 3, though it is the parameter's second gradient."""
    one, other = (nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in "ab")
    optimizer = MAO([one, other], lr=1.0, betas=(0.5, 0.5), eps=0.0, weight_decay=0.1)
    gradient = torch.ones(1, dtype=torch.float64)
    for row in ([gradient, gradient], [None, gradient], [gradient, gradient]):
        before = one.item()
        optimizer.accumulate("a", row)
        optimizer.step()
        if row[0] is None:
            assert one.item() == before  # not even decayed
    # m = v = .5, then .75; corrected by 1 - 1/8: m^ = v^ = 6/7
    assert one.item() == pytest.approx(0.9 * -1.0 - (6 / 7) / (6 / 7) ** 0.5)


def test_permuting_the_tasks_changes_nothing():
    runs = []
    for order in ([0, 1, 2], [2, 0, 1]):
        optimizer = MAO(parameters(), lr=0.1)
        for step in range(5):
            for task in order:
                optimizer.accumulate(task, gradients(step, task))
            optimizer.step()
        runs.append(optimizer.param_groups[0]["params"])
    for one, other in zip(*runs, strict=True):
        assert_close(one, other, rtol=1e-13, atol=1e-14)


def test_a_task_contributes_the_same_at_any_scale():
    """The purpose of the method: the scale of a loss does not matter (apart from eps)."""
    results = []
    for scale in (1.0, 1e-6):
        optimizer = MAO(parameters(), lr=0.1, eps=0.0)
        for step in range(5):
            for task in range(3):
                optimizer.accumulate(task, [scale**task * g for g in gradients(step, 0 if task else 1)])
            optimizer.step()
        results.append(optimizer.param_groups[0]["params"])
    for one, other in zip(*results, strict=True):
        assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_resume_is_bit_exact():
    optimizer = MAO(groups(parameters()), lr=0.02)
    run(optimizer, 5)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    fresh = [nn.Parameter(p.detach().clone()) for group in optimizer.param_groups for p in group["params"]]
    resumed = MAO(groups(fresh), lr=0.5)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for one in (optimizer, resumed):
        run(one, 5, start=5)
    for one, other in zip((p for g in optimizer.param_groups for p in g["params"]), fresh, strict=True):
        EXACT(one, other)


def test_a_loaded_state_is_a_copy_in_the_parameters_type():
    optimizer = MAO(parameters(), lr=0.02)
    run(optimizer, 2)
    state = copy.deepcopy(optimizer.state_dict())
    twin = MAO(parameters(), lr=0.02)
    twin.load_state_dict(optimizer.state_dict())
    run(twin, 1, start=2)
    EXACT(optimizer.state_dict()["state"], state["state"])
    narrow = MAO(parameters(torch.float32), lr=0.02)
    narrow.load_state_dict(state)
    moments = next(iter(narrow.state.values()))[0]
    assert {moments["exp_avg"].dtype, moments["exp_avg_sq"].dtype} == {torch.float32}


def test_load_and_copies_drop_what_is_pending():
    optimizer = MAO(parameters(), lr=0.02)
    run(optimizer, 2)
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.accumulate(0, gradients(2, 0))
    weights = [w.detach().clone() for w in optimizer.param_groups[0]["params"]]
    optimizer.load_state_dict(state)
    for one in (optimizer, copy.deepcopy(optimizer)):
        one.step()
        for weight, before in zip(one.param_groups[0]["params"], weights, strict=True):
            EXACT(weight.data, before)
        assert one.param_groups[0]["step"] == 2
    optimizer.accumulate(0, gradients(2, 0))


def test_another_optimizers_state_raises():
    with pytest.raises(ValueError, match="expected its own state"):
        MAO(parameters(), lr=0.1).load_state_dict(torch.optim.AdamW(parameters()).state_dict())


def test_a_scheduler_moves_the_rate_without_a_warning():
    optimizer = MAO(parameters(), lr=0.1, eps=0.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    moved = []
    for step in range(3):
        before = optimizer.param_groups[0]["params"][2].item()
        optimizer.accumulate("a", [torch.ones_like(w) for w in optimizer.param_groups[0]["params"]])
        optimizer.step()
        scheduler.step()
        moved.append(before - optimizer.param_groups[0]["params"][2].item())
        assert optimizer.param_groups[0]["lr"] == 0.1 * 0.5 ** (step + 1)
    assert moved == pytest.approx([0.1, 0.05, 0.025])


def test_a_gradient_scaler_steps_it_and_stored_gradients_are_ignored():
    weight = nn.Parameter(torch.zeros(2))
    optimizer = MAO([weight], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(weight.sum() * 100).backward()
    optimizer.accumulate("a", [tensor([-1.0, 1.0])])
    scaler.step(optimizer)
    scaler.update()
    assert_close(weight.data, tensor([0.1, -0.1]))
    optimizer.zero_grad()
    assert weight.grad is None


def test_without_gradients_a_step_does_nothing():
    optimizer = MAO(parameters(), lr=0.1, weight_decay=1.0)
    optimizer.step()
    optimizer.accumulate("a", [None] * 3)
    optimizer.step()
    for weight, before in zip(optimizer.param_groups[0]["params"], parameters(), strict=True):
        EXACT(weight, before)
    assert optimizer.param_groups[0]["step"] == 0
    assert not optimizer.state


def test_no_gradient_is_kept_or_changed():
    optimizer = MAO(parameters(), lr=0.1, betas=(None, 0.9))
    rows = gradients(0, 0)
    kept = [row.clone() for row in rows]
    optimizer.accumulate("a", rows)
    EXACT(rows, kept)
    for row in rows:
        row.fill_(math.nan)
    optimizer.step()
    assert all(p.isfinite().all() for p in optimizer.param_groups[0]["params"])


def test_memory_is_the_moments_and_one_buffer():
    optimizer = MAO(parameters(), lr=0.1)
    dead = []
    for task in range(3):
        rows = gradients(0, task)
        dead += [weakref.ref(row) for row in rows]
        optimizer.accumulate(task, rows)
        del rows
    assert not any(reference() is not None for reference in dead)
    assert len(optimizer._staged._updates) == len(SHAPES)
    moments = [tensor for tasks in optimizer.state.values() for task in tasks.values() for tensor in task.values()]
    assert len(moments) == 2 * 3 * len(SHAPES)


def test_a_late_group_shares_the_one_counter():
    optimizer = MAO(parameters(), lr=0.1)
    run(optimizer, 4)
    late = nn.Parameter(torch.zeros(1))
    optimizer.add_param_group({"params": [late], "lr": 0.5})
    assert [group["step"] for group in optimizer.param_groups] == [4, 4]


@pytest.mark.parametrize(
    "rows, match",
    [
        ([torch.zeros(3, 2)], "gradients of a: expected 3, but got 1"),
        ([None, torch.zeros(1), None], "expected shape .4,., but got .1,."),
    ],
)
def test_gradients_that_do_not_fit_raise(rows, match):
    with pytest.raises(ValueError, match=match):
        MAO(parameters(), lr=0.1).accumulate("a", rows)


def test_a_task_comes_once_and_a_closure_never():
    optimizer = MAO(parameters(), lr=0.1)
    optimizer.accumulate("a", [None] * 3)
    with pytest.raises(ValueError, match="expected task a once"):
        optimizer.accumulate("a", [None] * 3)
    with pytest.raises(ValueError, match="expected no closure"):
        optimizer.step(lambda: 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": -1.0},
        {"lr": math.nan},
        {"eps": -1.0},
        {"weight_decay": -1.0},
        {"betas": (1.0, 0.9)},
        {"betas": (0.9, 1.0)},
        {"betas": (0.9, None)},
        {"reduction": "max"},
        {"bias_correction": "none"},
    ],
)
def test_arguments_out_of_range_raise_in_every_group(wrong):
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"{name} of MAO: expected"):
        MAO(parameters(), **{"lr": 0.1, **wrong})
    with pytest.raises(ValueError, match=f"{name} of MAO: expected"):
        MAO([{"params": parameters(), **wrong}], lr=0.1)


def test_betas_that_are_no_numbers_raise():
    with pytest.raises(ValueError, match="betas of MAO: expected numbers, or None for the first, but got"):
        MAO([torch.zeros(1, requires_grad=True)], lr=0.1, betas=("null", 0.999))


def test_a_schedule_may_not_bring_a_first_beta_back():
    """OneCycleLR changes betas[0] by default, and Eq. 9 has none."""
    p = torch.ones(1, requires_grad=True)
    optimizer = MAO([p], lr=0.1, betas=(None, 0.999))
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=5, cycle_momentum=False)
    optimizer.accumulate("a", [torch.ones(1)])
    optimizer.step()
    other = MAO([p], lr=0.1, betas=(None, 0.999))
    torch.optim.lr_scheduler.OneCycleLR(other, max_lr=0.1, total_steps=5)
    with pytest.raises(ValueError, match="expected None for the first, as at construction"):
        other.accumulate("a", [torch.ones(1)])
