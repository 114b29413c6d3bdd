"""Kernels in a row as one node of the gradient, such as half of a block, from residual stream to residual stream.

Between kernels spikes are marks, a byte each (`dsf_models.kernels.neuron`), which no tensor of numbers is made of
unless somebody wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from dsf_models.kernels.neuron import marks_of, spikes_of
from dsf_models.kernels.sharing import Array, array


class Kernel(Protocol):
    """A kernel and its gradient, for one batch: what it needs of the one for the other it keeps."""

    parameters: Sequence[Tensor]

    def forward(self, given: Array) -> Array:
        """Numbers, or marks of spikes (uint8), from the one or the other."""

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        """The gradients of what it was given, and of each of its parameters, from that of its result."""


class Result(NamedTuple):
    """The result of a chain.

    Attributes
    ----------
    last
        The last kernel's result.
    spikes
        Spikes of every kernel that emits some, if they are recorded: 0.0 or 1.0.
    """

    last: Tensor
    spikes: tuple[Tensor, ...]


def run(kernels: Sequence[Kernel], given: Tensor, record: bool) -> Result:
    """The results of ``kernels``, each given the one before's, the first ``given``."""
    parameters = [parameter for kernel in kernels for parameter in kernel.parameters]
    last, *spikes = _Chain.apply(given, kernels, record, *parameters)  # type: ignore[no-untyped-call]
    return Result(last, tuple(spikes))


def numbers_after(kernels: Sequence[Kernel], given: Tensor) -> Tensor:
    """The last kernel's result as numbers."""
    return run(kernels, given, record=False).last


class FromNumbers:
    """Spikes as PyTorch has them, 0.0 or 1.0, into marks."""

    parameters: Sequence[Tensor] = ()

    def forward(self, given: Array) -> Array:
        return marks_of(given)

    def backward(self, outer: Array) -> tuple[Array, Sequence[Tensor | None]]:
        return outer, ()


class _Chain(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, given: Tensor, kernels: Sequence[Kernel], record: bool, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        value = array(given)
        kind, recorded = value.dtype, {}
        for place, kernel in enumerate(kernels):
            value = kernel.forward(value)
            if record and value.dtype == np.uint8:
                recorded[place] = spikes_of(value, kind)
        last = spikes_of(value, kind) if value.dtype == np.uint8 else value
        ctx.kernels, ctx.recorded = kernels, list(recorded)  # type: ignore[attr-defined]
        return tuple(torch.from_numpy(numbers) for numbers in (last, *recorded.values()))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, outer: Tensor, *of_recorded: Tensor) -> tuple[Tensor | None, ...]:
        kernels: Sequence[Kernel] = ctx.kernels  # type: ignore[attr-defined]
        beside = dict(zip(ctx.recorded, of_recorded, strict=True))  # type: ignore[attr-defined]
        of_parameters: list[Tensor | None] = []
        gradient = array(outer)
        for place in reversed(range(len(kernels))):
            if place in beside:
                gradient = gradient + array(beside[place])
            gradient, own = kernels[place].backward(gradient)
            of_parameters[:0] = own
        return torch.from_numpy(gradient), None, None, *of_parameters
