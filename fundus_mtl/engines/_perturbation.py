"""The box around weights: noise drawn from it, weights kept in it, and a network run with noise on some of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call

NoiseOn = Literal["all", "conv"]


@dataclass(frozen=True)
class Box:
    r"""Weights :math:`\pm b`, as MT-COOL has it.

    Args:
        bound: b, in units of the weights; None for no box: no noise, and nothing is kept anywhere.
        relative: take b in units of each weight tensor's own root mean square instead. The paper's 0.05 is 3.4 times the
            standard deviation of a convolution of 512 channels as torch initialises it. Vectors (biases, affine parameters
            of norms) and tensors of zeros have no such scale, and keep the absolute b.
        noise_on: ``all`` of the weights, or ``conv``: those of convolutions, which have more than two axes.

    Raises:
        ValueError: if the bound is not positive, or ``noise_on`` is unknown.
    """

    bound: float | None
    relative: bool = False
    noise_on: NoiseOn = "all"

    def __post_init__(self) -> None:
        if self.bound is not None and not self.bound > 0:
            raise ValueError(f"bound: expected more than 0, or None for no noise and no box, but got {self.bound}.")
        if self.noise_on not in get_args(NoiseOn):
            raise ValueError(f"noise_on: expected one of {get_args(NoiseOn)}, but got {self.noise_on!r}.")

    def radius(self, weight: Tensor) -> Tensor | float:
        """Return b for one weight tensor."""
        if self.bound is None:
            return float("inf")
        if self.relative and weight.ndim > 1:
            size = weight.detach().square().mean().sqrt()
            return self.bound * torch.where(size > 0, size, torch.ones_like(size))
        return self.bound

    def noisy(self, weight: Tensor, generator: torch.Generator) -> Tensor:
        """Return the weight plus fresh noise from U(-b, b); its gradient is the weight's."""
        if self.bound is None or (self.noise_on == "conv" and weight.ndim < 3):
            return weight
        unit = torch.empty_like(weight, requires_grad=False).uniform_(-1, 1, generator=generator)
        return weight + unit * self.radius(weight)

    @torch.no_grad()
    def keep_in(self, weights: Sequence[Tensor], anchors: Sequence[Tensor]) -> None:
        """Move weights that have left the box around their anchors to its wall."""
        if self.bound is not None:
            for weight, anchor in zip(weights, anchors, strict=True):
                radius = self.radius(anchor)
                weight.clamp_(anchor - radius, anchor + radius)


def perturbed(
    network: nn.Module, box: Box, moving: Iterable[Tensor], noisy: Iterable[Tensor], generator: torch.Generator
) -> Callable[..., Any]:
    """Return the network as a function: noise on some weights, all but the moving ones constant, its buffers left alone.

    The function has weights of its own, so that what it computed can be differentiated after the next noise is drawn.

    Args:
        network: ``forward(image, tasks=None)``.
        box: where the noise comes from, fresh at every call of ``perturbed``.
        moving: parameters that get a gradient.
        noisy: parameters that get noise.
        generator: of the noise, on the parameters' device.
    """
    with_gradient, with_noise = ({id(p) for p in parameters} for parameters in (moving, noisy))
    state = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for name, p in network.named_parameters():
        weight = p if id(p) in with_gradient else p.detach()
        state[name] = box.noisy(weight, generator) if id(p) in with_noise else weight

    def run(image: Tensor, tasks: Collection[str] | None = None) -> Any:
        return functional_call(network, state, (image,), {"tasks": tasks})

    return run
