"""Batch norm over rows, ``y = γ·(x − μ_c)·r_c + β`` with ``r = 1/√(σ² + ε)``: what kernels with a norm have in common.

Its gradient is an affine map a channel of ∂y and x,

    ∂x = γ·r·(∂y − ⟨∂y⟩ − x̂·⟨∂y·x̂⟩) = outward·∂y + slope·x + constant

⟨·⟩ being the mean over rows. A chunk's sums are in the numbers' own precision, sums over chunks in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numba import prange
from torch import nn

from train.kernels.compiling import shared
from train.kernels.sharing import CHUNK, Array, chunks_of, share, total


class Statistics(NamedTuple):
    """μ and r of each channel, (D,) in float64, and over how many rows."""

    mean: Array
    inverse: Array
    rows: int

    def affine(self, scale: Array, shift: Array) -> Array:
        """(2, D) in float64: the norm of x is ``[0]·x + [1]``."""
        steepness = scale * self.inverse
        return np.stack([steepness, shift - self.mean * steepness])

    def gradient(self, scale: Array, grad_scale: Array, grad_shift: Array) -> Array:
        """(3, D) in float64: outward, slope and constant, from Σ ∂y·x̂ and Σ ∂y."""
        outward = scale * self.inverse
        slope = -outward * self.inverse * grad_scale / self.rows
        constant = -outward * grad_shift / self.rows - self.mean * slope
        return np.stack([outward, slope, constant])


def batch_statistics(rows: Array, norms: list[nn.BatchNorm1d]) -> Statistics:
    """Of ``rows`` (rows, ΣD), whose channels ``norms`` share in turn; their running statistics follow."""
    mean, variance = _channel_moments(rows)
    first = 0
    for norm in norms:
        channels = slice(first, first + norm.num_features)
        _follow(norm, mean[channels], variance[channels], len(rows))
        first = channels.stop
    (epsilon,) = {norm.eps for norm in norms}
    return Statistics(mean, 1 / np.sqrt(variance + epsilon), len(rows))


def _channel_moments(rows: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel, float64."""
    count, channels = rows.shape
    chunks = chunks_of(count)
    partial = np.empty((chunks, 2, channels), rows.dtype)
    share(_sum_moments, chunks, rows.size, rows, partial)
    first, second = total(partial) / count
    return rows[0] + first, np.maximum(second - first**2, 0.0)


def _follow(norm: nn.BatchNorm1d, mean: Array, variance: Array, count: int) -> None:
    """Running statistics as `torch.nn.BatchNorm1d` keeps them: the variance is the unbiased one."""
    running_mean, running_variance = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_variance is not None
    assert norm.momentum is not None
    assert norm.num_batches_tracked is not None
    running_mean.lerp_(torch.from_numpy(mean).to(running_mean), norm.momentum)
    unbiased = torch.from_numpy(variance * (count / (count - 1)))
    running_variance.lerp_(unbiased.to(running_variance), norm.momentum)
    norm.num_batches_tracked.add_(1)


@shared
def _sum_moments(chunks: int, rows: Array, partial: Array) -> None:
    """Σ (x − x₀) and Σ (x − x₀)² of each chunk and channel; near x₀, the first row, squares lose no digits."""
    count, channels = rows.shape
    for chunk in prange(chunks):
        sums, squares = partial[chunk, 0], partial[chunk, 1]
        for c in range(channels):
            sums[c] = 0
            squares[c] = 0
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, count)):
            for c in range(channels):
                away = rows[n, c] - rows[0, c]
                sums[c] += away
                squares[c] += away * away
