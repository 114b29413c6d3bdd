"""Mean and variance of each channel over all rows, which a batch norm normalises with in training.

A chunk's sums are in the numbers' own precision, sums over chunks in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from torch import nn

from dsf_models.kernels.compiling import compiled, shared
from dsf_models.kernels.sharing import CHUNK, Array, chunks_of, share, total


class Moments(NamedTuple):
    """Mean and biased variance of each channel over so many rows, (D,) in float64."""

    mean: Array
    variance: Array
    rows: int


def moments_of(rows: Array) -> Moments:
    """The moments of ``rows`` (rows, D)."""
    chunks = chunks_of(len(rows))
    partial = np.empty((chunks, 2, rows.shape[1]), rows.dtype)
    share(_sum_moments, chunks, rows.size, rows, partial)
    return moments_about(rows[0], partial, len(rows))


def moments_about(reference: Array, partial: Array, rows: int) -> Moments:
    """From Σ (x − x₀) and Σ (x − x₀)² of each chunk and channel, (chunks, 2, D), over so many rows in all.

    Parameters
    ----------
    reference
        x₀, (D,): of a row, so that squares lose no digits.
    """
    first, second = total(partial) / rows
    return Moments(reference + first, np.maximum(second - first**2, 0.0), rows)


def follow(norm: nn.BatchNorm1d, moments: Moments, begin: int) -> None:
    """Let the running statistics of ``norm``, whose channels begin at ``begin``, follow, as it would do itself."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    assert norm.num_batches_tracked is not None
    channels = slice(begin, begin + norm.num_features)
    running = norm.running_mean.numpy(), norm.running_var.numpy()
    _follow(*running, moments.mean[channels], moments.variance[channels], moments.rows, norm.momentum)
    norm.num_batches_tracked.add_(1)


@compiled
def _follow(
    running_mean: Array, running_variance: Array, mean: Array, variance: Array, rows: int, momentum: float
) -> None:
    """The variance that is kept is the unbiased one."""
    for c in range(len(mean)):
        running_mean[c] += momentum * (mean[c] - running_mean[c])
        running_variance[c] += momentum * (variance[c] * (rows / (rows - 1)) - running_variance[c])


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
