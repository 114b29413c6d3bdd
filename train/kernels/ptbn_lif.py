"""PTBN at λ = 0, which is nine tenths of a run, and the neurons after it, in one pass over memory each way.

Forward: ``X = s·x + o`` with a scale s and an offset o a channel, and the neuron of X (`train.kernels.neuron`); X is
never stored. Backward: one pass for G = ∂X, the surrogate gradient, together with the channels' sums of G and of
G·(x − μ), and one that turns G into ∂x where it stands. What is computed is what `train.kernels.ptbn` and
`train.kernels.lif` compute one after the other; spikes are the same bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from train.kernels.batch_norm import Statistics
from train.kernels.compiling import shared
from train.kernels.neuron import Marks, step, step_back
from train.kernels.sharing import CHUNK, Array, chunks_of, share, total


def fire_normalised(current: Array, affine: Array, numbers: Array) -> Marks:
    """Marks of neurons given ``affine[0]·current + affine[1]``, (T, tokens, D)."""
    marks = np.empty(current.shape, np.uint8)
    affine = affine.astype(current.dtype)
    share(_forward, chunks_of(current.shape[1]), current.size, current, affine, numbers, marks)
    return marks


def fire_normalised_back(
    grad_spikes: Array, marks: Marks, current: Array, statistics: Statistics, scale: Array, leak: float, gradient: Array
) -> tuple[Array, Array]:
    """Write ∂x of :func:`fire_normalised` into ``gradient``; return ∂γ and ∂β, (D,) in float64."""
    kind, chunks = current.dtype, chunks_of(current.shape[1])
    partial = np.empty((chunks, 2, current.shape[2]), kind)
    mean = statistics.mean.astype(kind)
    share(_surrogate, chunks, current.size, marks, grad_spikes, current, mean, leak, gradient, partial)
    grad_shift, centred = total(partial)
    grad_scale = centred * statistics.inverse  # Σ G·x̂
    numbers = statistics.gradient(scale, grad_scale, grad_shift).astype(kind)
    share(_through_norm, chunks, current.size, current, numbers, gradient)
    return grad_scale, grad_shift


@shared
def _forward(chunks: int, current: Array, affine: Array, numbers: Array, marks: Marks) -> None:
    steps, tokens, channels = current.shape
    leak, threshold, low, high, zero = numbers
    for chunk in prange(chunks):
        kept = np.empty(channels, current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                kept[c] = zero
            for t in range(steps):
                for c in range(channels):
                    membrane = (affine[0, c] * current[t, token, c] + affine[1, c]) + leak * kept[c]
                    kept[c], marks[t, token, c] = step(membrane, threshold, low, high, zero)


@shared
def _surrogate(
    chunks: int,
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
    for chunk in prange(chunks):
        carried = np.empty(channels, current.dtype)
        sums, tilts = partial[chunk, 0], partial[chunk, 1]
        for c in range(channels):
            sums[c] = zero
            tilts[c] = zero
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                carried[c] = zero
            for t in range(steps - 1, -1, -1):
                for c in range(channels):
                    inner = step_back(marks[t, token, c], grad_spikes[t, token, c], leak * carried[c], zero)
                    away = current[t, token, c] - mean[c]
                    carried[c] = inner
                    gradient[t, token, c] = inner
                    sums[c] += inner
                    tilts[c] += inner * away


@shared
def _through_norm(chunks: int, current: Array, numbers: Array, gradient: Array) -> None:
    """``∂x = outward·G + slope·x + constant``, a channel, in the place of G."""
    steps, tokens, channels = current.shape
    for chunk in prange(chunks):
        for t in range(steps):
            for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
                for c in range(channels):
                    outer = numbers[0, c] * gradient[t, token, c]
                    gradient[t, token, c] = outer + numbers[1, c] * current[t, token, c] + numbers[2, c]
