from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.autograd import (
    as_matrix,
    as_tensors,
    assign_grad,
    combine,
    last_shared,
    rows_of,
    sharing_groups,
    task_gradients,
)
from tests.engines.toy import Forked


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def forked_losses():
    """Three losses on the forked toy network, and its parameters by name."""
    network = Forked()
    generator = torch.Generator().manual_seed(0)
    answers = network(torch.randn(7, 4, generator=generator, dtype=torch.float64))
    losses = {name: answer.square().mean() for name, answer in answers.items()}
    return losses, dict(network.named_parameters())


def test_gradients_by_hand():
    """L_a = 3x + y², L_b = xy: at (2, 5) the gradients are (3, 10) and (5, 2)."""
    x, y = leaf(2.0), leaf(5.0)
    losses = {"a": (3 * x + y**2).sum(), "b": (x * y).sum()}
    gradients = dict(task_gradients(losses, [x, y]))
    assert [g.item() for g in gradients["a"]] == [3, 10]
    assert [g.item() for g in gradients["b"]] == [5, 2]
    assert x.grad is None


def test_each_gradient_is_backwards_own():
    losses, parameters = forked_losses()
    gradients = dict(task_gradients(losses, list(parameters.values())))
    for name, loss in forked_losses()[0].items():
        oracle, same = forked_losses()
        oracle[name].backward()
        for parameter, gradient in zip(same.values(), gradients[name], strict=True):
            assert (parameter.grad is None) == (gradient is None)
            if gradient is not None:
                assert torch.equal(parameter.grad, gradient)
        assert loss.isfinite()


def test_the_last_loss_frees_the_graph():
    losses, parameters = forked_losses()
    dict(task_gradients(losses, list(parameters.values())))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        losses["a"].backward()


def test_groups_are_those_of_the_forked_network():
    losses, parameters = forked_losses()
    groups = sharing_groups(dict(task_gradients(losses, list(parameters.values()))))
    names = list(parameters)
    assert {tasks: [names[i] for i in indices] for tasks, indices in groups.items()} == {
        ("a", "b", "c"): ["trunk.weight", "trunk.bias"],
        ("a", "b"): ["decoder.weight", "decoder.bias"],
        ("a",): ["heads.a.weight", "heads.a.bias"],
        ("b",): ["heads.b.weight", "heads.b.bias"],
        ("c",): ["heads.c.weight", "heads.c.bias"],
    }


def test_a_loss_on_frozen_weights_reaches_nothing():
    x = leaf(1.0)
    gradients = dict(task_gradients({"a": torch.tensor(1.0), "b": x.sum()}, [x]))
    assert gradients["a"] == [None]
    assert sharing_groups(gradients) == {("b",): [0]}


@pytest.mark.parametrize("factor", [None, [2.0, 3.0]])
def test_gradients_own_their_memory(factor):
    """Autograd answers with one tensor for both terms of a sum, and with an expanded one for a plain sum."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    total = (x + y).sum() if factor is None else ((x + y) * torch.tensor(factor)).sum()
    (entries,) = dict(task_gradients({"a": total}, [x, y])).values()
    entries[0].mul_(7)
    assert entries[1].tolist() == (factor or [1, 1])
    assert entries[0].tolist() == [7 * value for value in factor or [1, 1]]


def test_combine_matrix_and_back():
    rows = [[torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])], [torch.tensor([10.0, 20.0]), torch.tensor([[30.0]])]]
    matrix = as_matrix(rows)
    assert matrix.tolist() == [[1, 2, 3], [10, 20, 30]]
    back = as_tensors(matrix[1], rows[0])
    assert [t.shape for t in back] == [(2,), (1, 1)]
    combined = combine([2, -1], rows)
    assert_close(combined, [torch.tensor([-8.0, -16.0]), torch.tensor([[-24.0]])])


def test_rows_and_assign():
    gradients = {"a": [torch.ones(2), None], "b": [torch.zeros(2), torch.ones(1)]}
    assert [len(row) for row in rows_of(gradients, ("a", "b"), [0])] == [1, 1]
    parameters = [torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)]
    assign_grad(parameters, gradients["a"])
    assert parameters[0].grad is gradients["a"][0]
    assert parameters[1].grad is None


def test_the_last_shared_layer_is_the_latest_weight_that_all_reach():
    losses, parameters = forked_losses()
    names = list(parameters)
    assert names[last_shared(losses, list(parameters.values()))] == "trunk.weight"
    assert names[last_shared({n: losses[n] for n in "ab"}, list(parameters.values()))] == "decoder.weight"
    assert names[last_shared({"c": losses["c"]}, list(parameters.values()))] == "heads.c.weight"


def test_the_last_layer_is_not_the_last_registered():
    """The order is that of the forward pass, whatever the order of the parameters."""
    early, late = (torch.eye(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    hidden = leaf(1.0, 2.0) @ early @ late
    losses = {"a": hidden.sum(), "b": hidden.square().sum()}
    assert last_shared(losses, [late, early]) == 0
    assert last_shared(losses, [early, late]) == 1


def test_nothing_shared_has_no_last_layer():
    x, y = (torch.eye(2, requires_grad=True) for _ in range(2))
    assert last_shared({"a": x.sum(), "b": y.sum()}, [x, y]) is None


def test_half_of_the_unet_is_shared_by_three():
    from torch import nn

    from fundus_mtl.networks import VGGUNet
    from fundus_mtl.tasks import Task

    kinds = {"disc": "segmentation", "cup": "segmentation", "fovea": "heatmap", "glaucoma": "classification"}
    network = VGGUNet([Task(n, 1, k, nn.functional.mse_loss) for n, k in kinds.items()], width=2)
    answers = network(torch.rand(2, 3, 32, 32))
    parameters = dict(network.named_parameters())
    losses = {name: answer.square().mean() for name, answer in answers.items()}
    last = list(parameters)[last_shared(losses, list(parameters.values()))]
    groups = sharing_groups(dict(task_gradients(losses, list(parameters.values()))))
    shared = {tasks: {list(parameters)[i].split(".")[0] for i in group} for tasks, group in groups.items()}
    assert shared[tuple(kinds)] == {"encoder"}
    assert shared["disc", "cup", "fovea"] == {"decoder"}
    assert last.startswith("encoder")
    convolutions = [n for n, p in parameters.items() if n.startswith("encoder") and p.ndim == 4]
    assert last == convolutions[-1]  # the bottleneck's last
