"""Leaky integrate-and-fire neurons over all T time steps in one autograd node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from train import kernels

if TYPE_CHECKING:
    from train.kernels.neuron import Neuron

SURROGATE_HALF_WIDTH = 0.5


class _LifFunction(torch.autograd.Function):
    """Forward and surrogate gradient of eq. 1, both one pass over T.

    Saving the membrane alone is enough: spikes are ``U > V_th``, and the reset path carries no gradient.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, current: Tensor, leak: float, threshold: float) -> Tensor:
        membrane = torch.empty_like(current)
        membrane[0] = current[0]
        for t in range(1, len(current)):
            kept = _where_silent(membrane[t - 1], membrane[t - 1], threshold)
            torch.add(current[t], kept, alpha=leak, out=membrane[t])
        ctx.save_for_backward(membrane)
        ctx.leak, ctx.threshold = leak, threshold  # type: ignore[attr-defined]
        return torch.gt(membrane, threshold, out=torch.empty_like(membrane))

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (grad_spikes,) = grad_outputs
        (membrane,) = ctx.saved_tensors  # type: ignore[attr-defined]
        leak, threshold = ctx.leak, ctx.threshold  # type: ignore[attr-defined]
        grad_current = _where_between(
            grad_spikes, membrane, threshold - SURROGATE_HALF_WIDTH, threshold + SURROGATE_HALF_WIDTH
        )
        for t in range(len(membrane) - 2, -1, -1):
            grad_current[t].add_(_where_silent(grad_current[t + 1], membrane[t], threshold), alpha=leak)
        return grad_current, None, None


def _where_between(values: Tensor, membrane: Tensor, low: float, high: float) -> Tensor:
    """``values`` where ``low < membrane < high``, else 0: hardtanh's gradient does it in a single pass."""
    between: Tensor = torch.ops.aten.hardtanh_backward(values, membrane, low, high)
    return between


def _where_silent(values: Tensor, membrane: Tensor, threshold: float) -> Tensor:
    """``values`` where the neuron did not fire, ``membrane ≤ threshold``, else 0."""
    above = math.nextafter(threshold, math.inf)
    if membrane.dtype is torch.float32:
        above = float(np.nextafter(np.float32(threshold), np.float32(np.inf)))
    return _where_between(values, membrane, -math.inf, above)


class Lif(nn.Module):
    """Spiking neurons (the paper's eq. 1), the state zero at the first time step.

    ``U[t] = H[t−1] + X[t]``;  ``S[t] = Θ(U[t] − V_th)``;  ``H[t] = β·U[t]·(1 − S[t])``

    Θ is strict, the reset is to zero and detached from the gradient, and the surrogate gradient is 1 where
    ``|U − V_th| < 0.5``. snnTorch's ``Leaky(beta=β, threshold=V_th, reset_mechanism="zero")`` is the same neuron.

    Parameters
    ----------
    leak
        β in [0, 1).
    threshold
        V_th.
    """

    def __init__(self, leak: float, threshold: float) -> None:
        super().__init__()
        self.leak = leak
        self.threshold = threshold

    def forward(self, current: Tensor) -> Tensor:
        """Spikes (0.0 or 1.0), of the shape of ``current``: (T, ...)."""
        if self.training and kernels.serves(current):
            from train.kernels.lif import fire  # here, since numba need not be installed

            return fire(current, self.constants())
        spikes: Tensor = _LifFunction.apply(current, self.leak, self.threshold)  # type: ignore[no-untyped-call]
        return spikes

    def constants(self) -> Neuron:
        """What a kernel has to know of these neurons."""
        from train.kernels.neuron import Neuron  # here, since numba need not be installed

        return Neuron(self.leak, self.threshold, SURROGATE_HALF_WIDTH)

    def extra_repr(self) -> str:
        return f"leak={self.leak}, threshold={self.threshold}"
