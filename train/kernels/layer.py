"""A Linear, its PTBN at λ = 0, and what takes the result, as one node of the gradient: neurons, or the residual stream.

``S' = SN(BN(W S + b))`` and ``U' = U + BN(W S + b)``. Several layers that read the same spikes are computed as one,
their weights one below the other. The gradient of what the norm is given is needed for two products and then gone, so
all layers write it into the same scratch memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import prange
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.batch_norm import Statistics, batch_statistics
from train.kernels.compiling import shared
from train.kernels.neuron import Marks, Neuron
from train.kernels.ptbn_lif import fire_normalised, fire_normalised_back
from train.kernels.scratch import scratch
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share, total
from train.kernels.spike_linear import affine, gradients

Layer = tuple[nn.Linear, nn.BatchNorm1d]


def spiking_layer(spikes: Tensor, layers: Sequence[Layer], neuron: Neuron) -> Tensor:
    """Spikes of ``layers``, (T, tokens, ΣD), side by side, from the spikes that all of them read."""
    output: Tensor = _SpikingLayer.apply(spikes, *_parameters(layers), [norm for _, norm in layers], neuron)  # type: ignore[no-untyped-call]
    return output


def residual_layer(spikes: Tensor, layer: Layer, residual: Tensor) -> Tensor:
    """``residual`` (T, tokens, D) with the normalised current of ``layer`` added."""
    output: Tensor = _ResidualLayer.apply(spikes, *_parameters([layer]), residual, layer[1])  # type: ignore[no-untyped-call]
    return output


def _parameters(layers: Sequence[Layer]) -> list[Tensor]:
    """Weight, bias, scale and shift of all layers as of one."""
    each = [(linear.weight, linear.bias, norm.weight, norm.bias) for linear, norm in layers]
    return list(each[0]) if len(each) == 1 else [torch.cat(same) for same in zip(*each, strict=True)]


class _SpikingLayer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        norms: list[nn.BatchNorm1d],
        neuron: Neuron,
    ) -> Tensor:
        current, ctx.kept = affine(inputs, weight, bias)  # type: ignore[attr-defined]
        given = array(current)
        statistics = batch_statistics(given.reshape(-1, given.shape[-1]), norms)
        spikes = torch.empty_like(current)
        numbers = neuron.numbers(given.dtype)
        marks = fire_normalised(given, statistics.affine(array(scale), array(shift)), numbers, array(spikes))
        ctx.save_for_backward(weight, scale, current)
        ctx.marks, ctx.statistics, ctx.leak = marks, statistics, numbers[0]  # type: ignore[attr-defined]
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_spikes: Tensor) -> tuple[Tensor | None, ...]:
        weight, scale, current = ctx.saved_tensors  # type: ignore[attr-defined]
        marks: Marks = ctx.marks  # type: ignore[attr-defined]
        statistics: Statistics = ctx.statistics  # type: ignore[attr-defined]
        given = array(current)
        gradient = scratch(given.shape, given.dtype)
        of_norm = fire_normalised_back(
            array(grad_spikes),
            marks,
            given,
            statistics,
            array(scale),
            ctx.leak,  # type: ignore[attr-defined]
            gradient,
        )
        return *_of_linear(ctx, weight, gradient), *_like(scale, of_norm), None, None


class _ResidualLayer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        scale: Tensor,
        shift: Tensor,
        residual: Tensor,
        norm: nn.BatchNorm1d,
    ) -> Tensor:
        current, ctx.kept = affine(inputs, weight, bias)  # type: ignore[attr-defined]
        given = _rows(current)
        statistics = batch_statistics(given, [norm])
        numbers = statistics.affine(array(scale), array(shift)).astype(given.dtype)
        raised = torch.empty_like(current)
        share(_add, chunks_of(len(given)), given.size, given, numbers, _rows(residual), _rows(raised))
        ctx.save_for_backward(weight, scale, current)
        ctx.statistics = statistics  # type: ignore[attr-defined]
        return raised

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_raised: Tensor) -> tuple[Tensor | None, ...]:
        weight, scale, current = ctx.saved_tensors  # type: ignore[attr-defined]
        statistics: Statistics = ctx.statistics  # type: ignore[attr-defined]
        given, outer = _rows(current), _rows(grad_raised)
        kind, chunks = given.dtype, chunks_of(len(given))
        partial = np.empty((chunks, 2, given.shape[1]), kind)
        share(_sum_gradients, chunks, given.size, given, outer, statistics.mean.astype(kind), partial)
        grad_shift, centred = total(partial)
        grad_scale = centred * statistics.inverse
        numbers = statistics.gradient(array(scale), grad_scale, grad_shift).astype(kind)
        gradient = scratch(given.shape, kind)
        share(_through_norm, chunks, given.size, given, outer, numbers, gradient)
        of_linear = _of_linear(ctx, weight, gradient.reshape(current.shape))
        return *of_linear, *_like(scale, (grad_scale, grad_shift)), grad_raised, None


def _rows(values: Tensor) -> Array:
    """(T, tokens, D) as rows."""
    return array(values).reshape(-1, values.shape[-1])


def _of_linear(ctx: FunctionCtx, weight: Tensor, gradient: Array) -> tuple[Tensor | None, ...]:
    """Gradients of a Linear's inputs, weight and bias; the last is 0, as the norm takes the mean away."""
    return *gradients(ctx, weight, torch.from_numpy(gradient)), weight.new_zeros(len(weight))


def _like(parameter: Tensor, gradients: tuple[Array, Array]) -> list[Tensor]:
    return [torch.from_numpy(gradient).to(parameter) for gradient in gradients]


@shared
def _add(chunks: int, current: Array, affine: Array, residual: Array, raised: Array) -> None:
    count, channels = current.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                raised[n, c] = residual[n, c] + (affine[0, c] * current[n, c] + affine[1, c])


@shared
def _sum_gradients(chunks: int, current: Array, outer: Array, mean: Array, partial: Array) -> None:
    """Σ ∂y and Σ ∂y·(x − μ) of each chunk and channel."""
    count, channels = current.shape
    for chunk in prange(chunks):
        sums, tilts = partial[chunk, 0], partial[chunk, 1]
        for c in range(channels):
            sums[c] = 0
            tilts[c] = 0
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                sums[c] += outer[n, c]
                tilts[c] += outer[n, c] * (current[n, c] - mean[c])


@shared
def _through_norm(chunks: int, current: Array, outer: Array, numbers: Array, gradient: Array) -> None:
    """``∂x = outward·∂y + slope·x + constant``, a channel."""
    count, channels = current.shape
    for chunk in prange(chunks):
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                gradient[n, c] = numbers[0, c] * outer[n, c] + numbers[1, c] * current[n, c] + numbers[2, c]
