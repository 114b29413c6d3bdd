"""PSSA's neurons (eqs. 6, 7) over the real tokens of each window: gate, sum and spike, in one pass each way.

Forward: ``m_i = Σ_{d<S, d≤i} p_d ⊙ (k ⊙ v)_{i−d}``,  ``X_i = q_i ⊙ m_i``, and the neuron of X
(`dsf_models.kernels.lif`)

Backward: ``∂q_i = ∂X_i ⊙ m_i``,  ``∂(k ⊙ v)_j = Σ_d p_d ⊙ (q ⊙ ∂X)_{j+d}``,  ``∂p_d = Σ_i (q ⊙ ∂X)_i ⊙ (k ⊙ v)_{i−d}``

X is never stored. A window's real tokens stand together, with its padding before them, so neither is padding made nor
are tokens moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numba import prange
from torch import Tensor

from dsf_models.kernels.lif import FIRED, PackedSpikes, constants, step, step_back
from dsf_models.kernels.parallel import Array, as_array, parallel, run_chunks, sum_chunks
from dsf_models.kernels.windows import Bounds, window_chunks, windows_of
from dsf_models.lif import Lif

UNROLLED = 4  # distances that a loop over channels takes at once


class GatedNeurons:
    """``SN(q ⊙ Σ p_d ⊙ (k ⊙ v))``: packed spikes q, k and v, side by side, (T, tokens, 3D), into (T, tokens, D).

    Parameters
    ----------
    weights
        p, (S, D).
    """

    def __init__(self, weights: Tensor, bounds: Bounds, neuron: Lif) -> None:
        self.parameters: Sequence[Tensor] = (weights,)
        self._bounds = bounds
        self._neuron = neuron

    def forward(self, given: PackedSpikes) -> PackedSpikes:
        (weights,) = self.parameters
        self._factors = given.reshape(*given.shape[:2], 3, -1)  # D + c as an index would not be vectorised
        self._weights = _padded(weights)
        self._packed = np.empty((*given.shape[:2], weights.shape[1]), np.uint8)
        neuron = constants(self._neuron, self._weights.dtype)
        chunks = window_chunks(self._bounds)
        run_chunks(_forward, chunks, given.size, self._factors, self._weights, self._bounds, neuron, self._packed)
        return self._packed

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        (weights,) = self.parameters
        kind, chunks = self._weights.dtype, window_chunks(self._bounds)
        grad_factors = np.empty(self._factors.shape, kind)
        partial = np.zeros((chunks, *self._weights.shape), kind)
        run_chunks(
            _backward,
            chunks,
            self._packed.size,
            self._factors,
            self._weights,
            self._bounds,
            constants(self._neuron, kind)[0],
            self._packed,
            grad,
            grad_factors,
            partial,
        )
        grad_weights = torch.from_numpy(sum_chunks(partial)[: len(weights)]).to(weights)
        return grad_factors.reshape(*grad.shape[:2], -1), (grad_weights,)


def _padded(weights: Tensor) -> Array:
    """(S, D) with zeros for as many further distances as fill the last loop over them."""
    given = as_array(weights)
    padded = np.zeros((len(given) + -len(given) % UNROLLED, given.shape[1]), given.dtype)
    padded[: len(given)] = given
    return padded


@parallel
def _forward(
    chunks: int,
    factors: PackedSpikes,
    weights: Array,
    bounds: Bounds,
    neuron: Array,
    packed: PackedSpikes,
) -> None:
    steps, _, channels = packed.shape
    beta, threshold, low, high, zero = neuron
    one = weights.dtype.type(1)
    lead, longest = len(weights) - 1, np.max(np.diff(bounds))
    for chunk in prange(chunks):
        past = np.zeros((lead + longest, channels), weights.dtype)  # k ⊙ v, after as many zeros as are looked back on
        query = np.empty((longest, channels), weights.dtype)
        kept = np.empty((longest, channels), weights.dtype)
        mixed = np.empty(channels, weights.dtype)
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            kept[:] = zero
            for t in range(steps):
                given, packed_here = factors[t, begin:], packed[t, begin:]
                for i in range(length):
                    for c in range(channels):
                        query[i, c] = one if given[i, 0, c] & FIRED else zero
                    for c in range(channels):
                        past[lead + i, c] = one if given[i, 1, c] & given[i, 2, c] & FIRED else zero
                for i in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * past[k, c] + weights[d + 1, c] * past[k - 1, c]) + (
                                weights[d + 2, c] * past[k - 2, c] + weights[d + 3, c] * past[k - 3, c]
                            )
                    for c in range(channels):
                        membrane = query[i, c] * mixed[c] + beta * kept[i, c]
                        kept[i, c], packed_here[i, c] = step(membrane, threshold, low, high, zero)


@parallel
def _backward(
    chunks: int,
    factors: PackedSpikes,
    weights: Array,
    bounds: Bounds,
    beta: float,
    packed: PackedSpikes,
    grad_spikes: Array,
    grad_factors: Array,
    grad_weights: Array,
) -> None:
    steps, _, channels = packed.shape
    zero, one = weights.dtype.type(0), weights.dtype.type(1)
    lead, longest = len(weights) - 1, np.max(np.diff(bounds))
    for chunk in prange(chunks):
        past = np.zeros((lead + longest + UNROLLED, channels), weights.dtype)  # k ⊙ v, after zeros
        carried = np.empty((longest, channels), weights.dtype)  # ∂X
        inner = np.zeros((longest + lead + UNROLLED, channels), weights.dtype)  # q ⊙ ∂X, before zeros
        grad_query = np.empty((longest, channels), weights.dtype)
        mixed = np.empty(channels, weights.dtype)
        chunk_grad = grad_weights[chunk]
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            carried[:] = zero
            inner[length:] = zero
            for t in range(steps - 1, -1, -1):
                given, packed_here = factors[t, begin:], packed[t, begin:]
                grad, grads = grad_spikes[t, begin:], grad_factors[t, begin:]
                for i in range(length):
                    for c in range(channels):
                        carried[i, c] = step_back(packed_here[i, c], grad[i, c], beta * carried[i, c], zero)
                    for c in range(channels):
                        past[lead + i, c] = one if given[i, 1, c] & given[i, 2, c] & FIRED else zero
                        inner[i, c] = carried[i, c] if given[i, 0, c] & FIRED else zero
                for i in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * past[k, c] + weights[d + 1, c] * past[k - 1, c]) + (
                                weights[d + 2, c] * past[k - 2, c] + weights[d + 3, c] * past[k - 3, c]
                            )
                    for c in range(channels):
                        grad_query[i, c] = carried[i, c] * mixed[c]
                for d in range(len(weights)):
                    for i in range(0, length, UNROLLED):
                        k = lead + i - d
                        for c in range(channels):
                            chunk_grad[d, c] += (inner[i, c] * past[k, c] + inner[i + 1, c] * past[k + 1, c]) + (
                                inner[i + 2, c] * past[k + 2, c] + inner[i + 3, c] * past[k + 3, c]
                            )
                for j in range(length):
                    mixed[:] = zero
                    for d in range(0, len(weights), UNROLLED):
                        k = j + d
                        for c in range(channels):
                            mixed[c] += (weights[d, c] * inner[k, c] + weights[d + 1, c] * inner[k + 1, c]) + (
                                weights[d + 2, c] * inner[k + 2, c] + weights[d + 3, c] * inner[k + 3, c]
                            )
                    for c in range(channels):
                        grads[j, 0, c] = grad_query[j, c]
                    for c in range(channels):
                        grads[j, 1, c] = mixed[c] if given[j, 2, c] & FIRED else zero
                    for c in range(channels):
                        grads[j, 2, c] = mixed[c] if given[j, 1, c] & FIRED else zero
