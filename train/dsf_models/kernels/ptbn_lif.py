"""PTBN and the neurons after it, in one pass over memory each way.

Forward: ``X = PTBN(x)`` and the neuron of X (`dsf_models.kernels.neuron`); X is never stored. Backward: one pass for
G = ∂X, the surrogate gradient, together with the channels' sums that PTBN's gradient needs, and one that turns G into
∂x where it stands. The result is that of `dsf_models.kernels.ptbn` and `dsf_models.kernels.lif` one after the other;
where λ = 0 spikes are the same bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from dsf_models.kernels.compiling import shared
from dsf_models.kernels.layer_norm import add_tilts, normalise_row, row_gradient
from dsf_models.kernels.neuron import Marks, constants, step, step_back
from dsf_models.kernels.ptbn import Gradients, NormOfBatch
from dsf_models.kernels.sharing import CHUNK, Array, chunks_of, share, total
from dsf_models.lif import Lif


def fire_normalised(current: Array, norm: NormOfBatch, neuron: Lif) -> Marks:
    """Marks of neurons given PTBN of ``current``, (T, tokens, norms D)."""
    marks = np.empty(current.shape, np.uint8)
    given = norm.affine, norm.weights, norm.epsilon, norm.moments, constants(neuron, current.dtype)
    share(_forward, chunks_of(current.shape[1]), current.size, norm.apart(current), *given, norm.apart(marks))
    return marks


def fire_normalised_back(
    grad_spikes: Array, marks: Marks, current: Array, norm: NormOfBatch, neuron: Lif, gradient: Array
) -> Gradients:
    """Write ∂x of :func:`fire_normalised` into ``gradient``; return what else it comes with."""
    chunks, apart, inner = chunks_of(current.shape[1]), norm.apart(current), norm.apart(gradient)
    beta = constants(neuron, current.dtype)[0]
    partial = np.zeros((chunks, 3, *norm.mean.shape), current.dtype)
    given = norm.apart(marks), norm.apart(grad_spikes), apart, norm.mean, norm.moments
    share(_surrogate, chunks, current.size, *given, beta, inner, partial)
    back = norm.back(total(partial))
    drift = np.zeros((chunks, *norm.mean.shape), current.dtype)
    share(_through_norm, chunks, current.size, apart, back.numbers, norm.weights, norm.moments, inner, drift)
    return Gradients(back.of_parameters, total(drift).reshape(-1))


@shared
def _forward(
    chunks: int,
    current: Array,
    affine: Array,
    weights: Array,
    epsilon: float,
    moments: Array,
    numbers: Array,
    marks: Marks,
) -> None:
    steps, tokens, norms, channels = current.shape
    beta, threshold, low, high, zero = numbers
    for chunk in prange(chunks):
        kept = np.empty((norms, channels), current.dtype)
        by_layer = np.zeros((norms, channels), current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            kept[:] = zero
            for t in range(steps):
                if len(moments) > 0:
                    normalise_row(current[t, token], weights, epsilon, moments[t * tokens + token], by_layer)
                for p in range(norms):
                    for c in range(channels):
                        normalised = affine[0, p, c] * current[t, token, p, c] + affine[1, p, c] + by_layer[p, c]
                        membrane = normalised + beta * kept[p, c]
                        kept[p, c], marks[t, token, p, c] = step(membrane, threshold, low, high, zero)


@shared
def _surrogate(
    chunks: int,
    marks: Marks,
    grad_spikes: Array,
    current: Array,
    mean: Array,
    moments: Array,
    beta: float,
    gradient: Array,
    partial: Array,
) -> None:
    """G of each place, and Σ G, Σ G·(x − μ_c) and, where λ > 0, Σ G·x̂_l of each chunk and channel, into zeros."""
    steps, tokens, norms, channels = marks.shape
    zero = current.dtype.type(0)
    for chunk in prange(chunks):
        carried = np.empty((norms, channels), current.dtype)
        plain, centred, by_row = partial[chunk, 0], partial[chunk, 1], partial[chunk, 2]
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            carried[:] = zero
            for t in range(steps - 1, -1, -1):
                for p in range(norms):
                    for c in range(channels):
                        later = beta * carried[p, c]
                        inner = step_back(marks[t, token, p, c], grad_spikes[t, token, p, c], later, zero)
                        away = current[t, token, p, c] - mean[p, c]
                        carried[p, c] = inner
                        gradient[t, token, p, c] = inner
                        plain[p, c] += inner
                        centred[p, c] += inner * away
                if len(moments) > 0:
                    add_tilts(current[t, token], carried, moments[t * tokens + token], by_row)


@shared
def _through_norm(
    chunks: int, current: Array, numbers: Array, weights: Array, moments: Array, gradient: Array, drift: Array
) -> None:
    """∂x in the place of G."""
    steps, tokens, norms, channels = current.shape
    for chunk in prange(chunks):
        by_layer = np.zeros((norms, channels), current.dtype)
        for t in range(steps):
            for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
                if len(moments) > 0:
                    row_moments = moments[t * tokens + token]
                    row_gradient(current[t, token], gradient[t, token], weights, row_moments, by_layer, drift[chunk])
                for p in range(norms):
                    for c in range(channels):
                        outer = numbers[0, p, c] * gradient[t, token, p, c]
                        by_batch = outer + numbers[1, p, c] * current[t, token, p, c] + numbers[2, p, c]
                        gradient[t, token, p, c] = by_batch + by_layer[p, c]
