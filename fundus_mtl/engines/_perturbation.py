"""Box around weights: draw noise from it, clamp weights to it, and run a network with noise on some weights."""

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
    r"""Box :math:`\pm b` around weights, as in MT-COOL.

    Args:
        bound: b, in units of the weights; None for no noise and no clamping.
        relative: Whether b is in units of the root mean square of each weight tensor instead. The paper's 0.05 is 3.4
            times the standard deviation of a convolution with 512 channels in torch's initialisation. Vectors (biases,
            affine parameters of norms) and tensors of zeros have no such scale and use the absolute b.
        noise_on: ``all`` weights, or ``conv`` for the weights of convolutions, which have more than two axes.

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
        """Return the weight plus new noise from U(-b, b); the gradient flows to the weight unchanged."""
        if self.bound is None or (self.noise_on == "conv" and weight.ndim < 3):
            return weight
        unit = torch.empty_like(weight, requires_grad=False).uniform_(-1, 1, generator=generator)
        return weight + unit * self.radius(weight)

    @torch.no_grad()
    def keep_in(self, weights: Sequence[Tensor], anchors: Sequence[Tensor]) -> None:
        """Clamp weights to the box around their anchors, in place."""
        if self.bound is not None:
            for weight, anchor in zip(weights, anchors, strict=True):
                radius = self.radius(anchor)
                weight.clamp_(anchor - radius, anchor + radius)


def perturbed(
    network: nn.Module, box: Box, moving: Iterable[Tensor], noisy: Iterable[Tensor], generator: torch.Generator
) -> Callable[..., Any]:
    """Return the network as a function with noise on some weights; only ``moving`` gets gradients, buffers are copied.

    The function has its own weights, so that its result can still be differentiated after new noise is drawn.

    Args:
        network: Network with ``forward(image, tasks=None)``.
        box: Distribution of the noise, which is drawn once per call of ``perturbed``.
        moving: Parameters that get a gradient.
        noisy: Parameters that get noise.
        generator: Generator of the noise, on the device of the parameters.
    """
    with_gradient, with_noise = ({id(p) for p in parameters} for parameters in (moving, noisy))
    state = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for name, p in network.named_parameters():
        weight = p if id(p) in with_gradient else p.detach()
        state[name] = box.noisy(weight, generator) if id(p) in with_noise else weight

    def run(image: Tensor, tasks: Collection[str] | None = None) -> Any:
        return functional_call(network, state, (image,), {"tasks": tasks})

    return run
