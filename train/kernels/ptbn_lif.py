"""PTBN at λ = 0, which is nine tenths of a run, and the neurons after it, in one pass over memory each way.

Forward: ``X = s·x + o`` with a scale s and an offset o a channel, and the neuron of X (`train.kernels.lif`), which is
never stored. Backward: one pass for G = ∂X, the surrogate gradient, together with the channels' sums of G and of
G·(x − μ), and one that turns G into ∂x where it stands. What is computed is what `train.kernels.ptbn` and
`train.kernels.lif` compute one after the other; spikes are the same bit for bit.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from train.kernels.compiling import compiled
from train.kernels.lif import FIRED, NEAR, Marks
from train.kernels.ptbn import channel_moments, follow
from train.kernels.sharing import CHUNK, Array, array, chunks_of, share, total


def fire_normalised(
    current: Tensor, batch_norm: nn.BatchNorm1d, leak: float, threshold: float, half_width: float
) -> Tensor:
    """Spikes of neurons given ``batch_norm(current)``, (T, tokens, D), updating the norm's running statistics."""
    rows = array(current.flatten(0, -2))
    mean, variance = channel_moments(rows)
    follow(batch_norm, mean, variance, len(rows))
    inverse = 1 / np.sqrt(variance + batch_norm.eps)
    neuron = np.array([leak, threshold, threshold - half_width, threshold + half_width], rows.dtype)
    spikes: Tensor = _FireNormalised.apply(  # type: ignore[no-untyped-call]
        current, batch_norm.weight, batch_norm.bias, mean, inverse, neuron
    )
    return spikes


class _FireNormalised(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, current: Tensor, scale: Tensor, shift: Tensor, mean: Array, inverse: Array, neuron: Array
    ) -> Tensor:
        given = array(current)
        steepness = array(scale) * inverse
        affine = np.stack([steepness, array(shift) - mean * steepness]).astype(given.dtype)
        spikes = torch.empty(current.shape, dtype=current.dtype)
        marks = np.empty(given.shape, np.uint8)
        share(_forward, chunks_of(given.shape[1]), given.size, given, affine, neuron, array(spikes), marks)
        ctx.save_for_backward(current, scale)
        ctx.marks, ctx.statistics, ctx.leak = marks, (mean, inverse), neuron[0]  # type: ignore[attr-defined]
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_spikes: Tensor) -> tuple[Tensor | None, ...]:
        current, scale = ctx.saved_tensors  # type: ignore[attr-defined]
        marks: Marks = ctx.marks  # type: ignore[attr-defined]
        mean, inverse = ctx.statistics  # type: ignore[attr-defined]
        given = array(current)
        kind, channels = given.dtype, given.shape[-1]
        count, chunks = given.size // channels, chunks_of(given.shape[1])
        grad_current = torch.empty(current.shape, dtype=current.dtype)
        gradient = array(grad_current)
        partial = np.empty((chunks, 2, channels))
        share(
            _surrogate,
            chunks,
            given.size,
            marks,
            array(grad_spikes),
            given,
            mean.astype(kind),
            ctx.leak,  # type: ignore[attr-defined]
            gradient,
            partial,
        )
        grad_shift, centred = total(partial)
        grad_scale = centred * inverse  # Σ G·x̂

        outward = array(scale) * inverse
        slope = -outward * inverse * grad_scale / count
        constant = -outward * grad_shift / count - mean * slope
        numbers = np.stack([outward, slope, constant]).astype(kind)
        share(_through_norm, chunks, given.size, given, numbers, gradient)
        grad_norm = [torch.from_numpy(grad).to(current) for grad in (grad_scale, grad_shift)]
        return grad_current, *grad_norm, None, None, None


@compiled
def _forward(first: int, end: int, current: Array, affine: Array, neuron: Array, spikes: Array, marks: Marks) -> None:
    steps, tokens, channels = current.shape
    leak, threshold, low, high = neuron[0], neuron[1], neuron[2], neuron[3]
    zero = current.dtype.type(0)
    one = current.dtype.type(1)
    kept = np.empty(channels, current.dtype)
    for token in range(first * CHUNK, min(end * CHUNK, tokens)):
        for c in range(channels):
            kept[c] = zero
        for t in range(steps):
            for c in range(channels):
                membrane = (affine[0, c] * current[t, token, c] + affine[1, c]) + leak * kept[c]
                fires = membrane > threshold
                near = (membrane > low) & (membrane < high)
                spikes[t, token, c] = one if fires else zero
                kept[c] = zero if fires else membrane
                marks[t, token, c] = np.uint8(near) * NEAR | np.uint8(fires) * FIRED


@compiled
def _surrogate(
    first: int,
    end: int,
    marks: Marks,
    grad_spikes: Array,
    current: Array,
    mean: Array,
    leak: float,
    gradient: Array,
    partial: Array,
) -> None:
    """G of each place, and of each chunk and channel Σ G and Σ G·(x − μ)."""
    steps, tokens, channels = marks.shape
    zero = current.dtype.type(0)
    carried = np.empty(channels, current.dtype)
    sums = np.empty((2, channels), current.dtype)  # of a token's few rows
    for chunk in range(first, end):
        for c in range(channels):
            partial[chunk, 0, c] = 0
            partial[chunk, 1, c] = 0
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                carried[c] = zero
                sums[0, c] = zero
                sums[1, c] = zero
            for t in range(steps - 1, -1, -1):
                for c in range(channels):
                    # Loads come before the choices, so that these are selections of a vector and not branches.
                    mark, direct, later = marks[t, token, c], grad_spikes[t, token, c], leak * carried[c]
                    away = current[t, token, c] - mean[c]
                    inner = (direct if mark & NEAR else zero) + (zero if mark & FIRED else later)
                    carried[c] = inner
                    gradient[t, token, c] = inner
                    sums[0, c] += inner
                    sums[1, c] += inner * away
            for c in range(channels):
                partial[chunk, 0, c] += sums[0, c]
                partial[chunk, 1, c] += sums[1, c]


@compiled
def _through_norm(first: int, end: int, current: Array, numbers: Array, gradient: Array) -> None:
    """``∂x = outward·G + slope·x + constant``, a channel, in the place of G."""
    steps, tokens, channels = current.shape
    for t in range(steps):
        for token in range(first * CHUNK, min(end * CHUNK, tokens)):
            for c in range(channels):
                outer = numbers[0, c] * gradient[t, token, c]
                gradient[t, token, c] = outer + numbers[1, c] * current[t, token, c] + numbers[2, c]
