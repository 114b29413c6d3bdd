"""Kernels in a row as one node of autograd's graph, such as half of a block from residual stream to residual stream.

Between kernels spikes are packed, a byte each (`dsf_models.kernels.lif`). They are made into tensors of numbers only
where they are recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from dsf_models.kernels.lif import pack, unpack
from dsf_models.kernels.parallel import Array, as_array


class Kernel(Protocol):
    """A kernel and its gradient, for one batch: it keeps what the gradient needs."""

    parameters: Sequence[Tensor]

    def forward(self, given: Array) -> Array:
        """The result, from ``given``; both are numbers, or packed spikes (uint8)."""

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        """The gradients of what it was given and of each of its parameters, from that of its result."""


class FusedResult(NamedTuple):
    """The result of kernels in a row.

    Attributes
    ----------
    last
        The last kernel's result, as numbers.
    spikes
        The spikes, 0.0 or 1.0, of every kernel that emits some, if they are recorded.
    """

    last: Tensor
    spikes: tuple[Tensor, ...]


def run_fused(kernels: Sequence[Kernel], given: Tensor, record: bool) -> FusedResult:
    """Let each kernel work on the result of the one before it, the first on ``given``."""
    parameters = [parameter for kernel in kernels for parameter in kernel.parameters]
    last, *spikes = _FusedFunction.apply(given, kernels, record, *parameters)  # type: ignore[no-untyped-call]
    return FusedResult(last, tuple(spikes))


def fused_output(kernels: Sequence[Kernel], given: Tensor) -> Tensor:
    """The result of the last of ``kernels``, as numbers."""
    return run_fused(kernels, given, record=False).last


class PackSpikes:
    """Spikes as PyTorch has them, 0.0 or 1.0, into packed ones."""

    parameters: Sequence[Tensor] = ()

    def forward(self, given: Array) -> Array:
        return pack(given)

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        return grad, ()


class _Context(FunctionCtx):
    """The kernels, and the places of those whose spikes were recorded."""

    kernels: Sequence[Kernel]
    recorded: Sequence[int]


class _FusedFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, given: Tensor, kernels: Sequence[Kernel], record: bool, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        value = as_array(given)
        kind, recorded = value.dtype, {}
        for place, kernel in enumerate(kernels):
            value = kernel.forward(value)
            if record and value.dtype == np.uint8:
                recorded[place] = unpack(value, kind)
        last = unpack(value, kind) if value.dtype == np.uint8 else value
        ctx.kernels, ctx.recorded = kernels, list(recorded)
        return tuple(torch.from_numpy(numbers) for numbers in (last, *recorded.values()))

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor, *grad_recorded: Tensor) -> tuple[Tensor | None, ...]:
        kernels = ctx.kernels
        beside = dict(zip(ctx.recorded, grad_recorded, strict=True))
        grad_parameters: list[Tensor | None] = []
        gradient = as_array(grad)
        for place in reversed(range(len(kernels))):
            if place in beside:
                gradient = gradient + as_array(beside[place])
            gradient, own = kernels[place].backward(gradient)
            grad_parameters[:0] = own
        return torch.from_numpy(gradient), None, None, *grad_parameters
