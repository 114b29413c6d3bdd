"""The mean and variance of each channel over all rows, by which a batch norm normalises in training.

A chunk's sums are in the numbers' own precision, sums over chunks in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange
from torch import nn

from dsf_models.kernels.parallel import CHUNK, Array, chunk_count, compiled, parallel, run_chunks, sum_chunks


class Moments(NamedTuple):
    """Mean and biased variance of each channel over so many rows, (D,) in float64."""

    mean: Array
    variance: Array
    rows: int


def batch_moments(rows: Array) -> Moments:
    """The moments of ``rows``, (rows, D)."""
    chunks = chunk_count(len(rows))
    partial = np.empty((chunks, 2, rows.shape[1]), rows.dtype)
    run_chunks(_sum_moments, chunks, rows.size, rows, partial)
    return moments_about(rows[0], partial, len(rows))


def moments_about(reference: Array, partial: Array, rows: int) -> Moments:
    """Moments from Σ (x − x₀) and Σ (x − x₀)² of each chunk and channel, (chunks, 2, D), over so many rows in all.

    Parameters
    ----------
    reference
        x₀, (D,): one of the rows, so that squares lose no digits.
    """
    first, second = sum_chunks(partial) / rows
    return Moments(reference + first, np.maximum(second - first**2, 0.0), rows)


def update_running_statistics(norm: nn.BatchNorm1d, moments: Moments, begin: int) -> None:
    """Update the running statistics of ``norm``, whose channels begin at ``begin``, as it would do itself."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    assert norm.num_batches_tracked is not None
    channels = slice(begin, begin + norm.num_features)
    running = norm.running_mean.numpy(), norm.running_var.numpy()
    _update_running(*running, moments.mean[channels], moments.variance[channels], moments.rows, norm.momentum)
    norm.num_batches_tracked.add_(1)


@compiled
def _update_running(
    running_mean: Array, running_variance: Array, mean: Array, variance: Array, rows: int, momentum: float
) -> None:
    """The variance that is kept is the unbiased one."""
    for c in range(len(mean)):
        running_mean[c] += momentum * (mean[c] - running_mean[c])
        running_variance[c] += momentum * (variance[c] * (rows / (rows - 1)) - running_variance[c])


@parallel
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
