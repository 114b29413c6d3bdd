"""Leaky integrate-and-fire neurons over all T time steps in one autograd node."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from dsf_models.configuration import ModelConfig
from dsf_models.surrogates import PUBLISHED, SurrogateGradient, surrogate_gradient


class _Context(torch.autograd.function.FunctionCtx):
    """The membranes of a forward pass, and β, V_th and the surrogate."""

    saved_tensors: tuple[Tensor, ...]
    constants: tuple[float, float, SurrogateGradient]


class _LifFunction(torch.autograd.Function):
    """Forward and surrogate gradient of eq. 1, both one pass over T.

    Saving the membrane alone is enough: spikes are ``U > V_th``, and the reset path carries no gradient.
    """

    @staticmethod
    def forward(
        ctx: _Context,
        current: Tensor,
        beta: float,
        threshold: float,
        surrogate: SurrogateGradient,
    ) -> Tensor:
        membrane = torch.empty_like(current)
        membrane[0] = current[0]
        for t in range(1, len(current)):
            kept = _where_silent(membrane[t - 1], membrane[t - 1], threshold)
            torch.add(current[t], kept, alpha=beta, out=membrane[t])
        ctx.save_for_backward(membrane)
        ctx.constants = beta, threshold, surrogate
        return torch.gt(membrane, threshold, out=torch.empty_like(membrane))

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        (grad_spikes,) = grad_outputs
        (membrane,) = ctx.saved_tensors
        beta, threshold, surrogate = ctx.constants
        grad_current: Tensor = surrogate.through(grad_spikes, membrane, threshold)
        for t in range(len(membrane) - 2, -1, -1):
            grad_current[t].add_(_where_silent(grad_current[t + 1], membrane[t], threshold), alpha=beta)
        return grad_current, None, None, None


class _FusableLifFunction(torch.autograd.Function):
    """The same with nothing written in place and no time step's tensor read by another's kernel.

    `torch.compile` makes one kernel of it each way, with what surrounds it, and keeps two bits of a membrane as bytes.
    Run operation by operation it takes longer than the form above.
    """

    @staticmethod
    def forward(
        ctx: _Context,
        current: Tensor,
        beta: float,
        threshold: float,
        surrogate: SurrogateGradient,
    ) -> Tensor:
        membranes = [current[0]]
        for step in current[1:].unbind(0):
            kept = torch.where(membranes[-1] > threshold, 0, membranes[-1])
            membranes.append(step + beta * kept)
        ctx.save_for_backward(*membranes)
        ctx.constants = beta, threshold, surrogate
        return torch.stack([(membrane > threshold).to(current.dtype) for membrane in membranes])

    @staticmethod
    def backward(ctx: _Context, *grad_outputs: Tensor) -> tuple[Tensor, None, None, None]:
        beta, threshold, surrogate = ctx.constants
        membranes = ctx.saved_tensors
        later_first: list[Tensor] = []
        for grad_spikes, membrane in zip(reversed(grad_outputs[0].unbind(0)), reversed(membranes), strict=True):
            grad_current = surrogate.through(grad_spikes, membrane, threshold)
            if later_first:
                grad_current = grad_current + beta * torch.where(membrane > threshold, 0, later_first[-1])
            later_first.append(grad_current)
        return torch.stack(later_first[::-1]), None, None, None


def _where_silent(values: Tensor, membrane: Tensor, threshold: float) -> Tensor:
    """``values`` where the neuron did not fire, ``membrane ≤ threshold``, else 0, in a single pass."""
    above = math.nextafter(threshold, math.inf)
    if membrane.dtype is torch.float32:
        above = float(np.nextafter(np.float32(threshold), np.float32(np.inf)))
    silent: Tensor = torch.ops.aten.hardtanh_backward(values, membrane, -math.inf, above)
    return silent


class Lif(nn.Module):
    """Spiking neurons (the paper's eq. 1), the state zero at the first time step.

    ``U[t] = H[t−1] + X[t]``;  ``S[t] = Θ(U[t] − V_th)``;  ``H[t] = β·U[t]·(1 − S[t])``

    Θ is strict, and the reset is to zero and detached from the gradient. snnTorch's
    ``Leaky(beta=β, threshold=V_th, reset_mechanism="zero")`` is the same neuron.

    Parameters
    ----------
    beta
        β in [0, 1).
    threshold
        V_th.
    surrogate
        The gradient of S by U.
    """

    def __init__(self, beta: float, threshold: float, surrogate: SurrogateGradient = PUBLISHED) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold
        self.surrogate = surrogate

    @classmethod
    def of(cls, config: ModelConfig) -> Lif:
        """The neurons of a network of this ``config``."""
        return cls(config.beta, config.threshold, surrogate_gradient(config))

    def forward(self, current: Tensor) -> Tensor:
        """Spikes (0.0 or 1.0), of the shape of ``current``: (T, ...)."""
        form = _FusableLifFunction if torch.compiler.is_compiling() else _LifFunction
        spikes: Tensor = form.apply(current, self.beta, self.threshold, self.surrogate)  # type: ignore[no-untyped-call]
        return spikes

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}, surrogate={self.surrogate}"
