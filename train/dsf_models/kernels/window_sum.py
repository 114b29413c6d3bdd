"""SDSA-1's neurons over the real tokens of each window: those that sum keys' spikes with values, and the queries' gate.

Forward: ``X_i = Σ_{d<S, d≤i} (k ⊙ v)_{i−d}``, the neuron of X (`dsf_models.kernels.lif`), and ``q_i ⊙ SN(X)_i``

Backward: ``∂q_i = ∂y_i ⊙ SN(X)_i``,  ``∂SN(X)_i = ∂y_i ⊙ q_i``,  ``∂(k ⊙ v)_j = Σ_{d<S} ∂X_{j+d}``

Both sums run along the window: a token enters, and one leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import prange
from torch import Tensor

from dsf_models.kernels.lif import FIRED, PackedSpikes, constants, step, step_back
from dsf_models.kernels.parallel import CHUNK, Array, chunk_count, parallel, run_chunks
from dsf_models.kernels.windows import Bounds, window_chunks, windows_of
from dsf_models.lif import Lif


class SummingNeurons:
    """``q`` and ``SN(Σ k ⊙ v)``: packed spikes q, k and v, side by side, (T, tokens, 3D), into (T, tokens, 2D).

    Parameters
    ----------
    window
        S, tokens that a token sees.
    kind
        The precision of sums and gradients.
    """

    parameters: Sequence[Tensor] = ()

    def __init__(self, window: int, bounds: Bounds, neuron: Lif, kind: np.dtype[Any]) -> None:
        self._window, self._bounds, self._neuron = window, bounds, constants(neuron, kind)

    def forward(self, given: PackedSpikes) -> PackedSpikes:
        self._factors = given.reshape(*given.shape[:2], 3, -1)
        self._packed = np.empty((*given.shape[:2], 2, self._factors.shape[-1]), np.uint8)
        chunks = window_chunks(self._bounds)
        run_chunks(_forward, chunks, given.size, self._factors, self._window, self._bounds, self._neuron, self._packed)
        return self._packed.reshape(*given.shape[:2], -1)

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        given, grad_factors = grad.reshape(self._packed.shape), np.empty(self._factors.shape, grad.dtype)
        sizes = self._window, self._bounds, self._neuron
        chunks = window_chunks(self._bounds)
        run_chunks(_backward, chunks, given.size, self._factors, *sizes, self._packed, given, grad_factors)
        return grad_factors.reshape(*grad.shape[:2], -1), ()


class Gate:
    """``a ∧ b``: packed spikes a and b, side by side, (T, tokens, 2D), into (T, tokens, D)."""

    parameters: Sequence[Tensor] = ()

    def forward(self, given: PackedSpikes) -> PackedSpikes:
        self._given = given.reshape(*given.shape[:2], 2, -1)
        both: PackedSpikes = self._given[..., 0, :] & self._given[..., 1, :] & FIRED
        return both

    def backward(self, grad: Array) -> tuple[Array, Sequence[Tensor | None]]:
        grad_given = np.empty(self._given.shape, grad.dtype)
        run_chunks(_through_gate, chunk_count(grad.shape[1]), grad.size, self._given, grad, grad_given)
        return grad_given.reshape(*grad.shape[:2], -1), ()


@parallel
def _forward(
    chunks: int, factors: PackedSpikes, reach: int, bounds: Bounds, neuron: Array, packed: PackedSpikes
) -> None:
    steps, _, _, channels = packed.shape
    beta, threshold, low, high, zero = neuron
    longest = np.max(np.diff(bounds))
    for chunk in prange(chunks):
        kept = np.empty((longest, channels), neuron.dtype)
        total = np.empty(channels, np.int32)
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            kept[:] = zero
            for t in range(steps):
                given, packed_here = factors[t, begin:], packed[t, begin:]
                total[:] = 0
                for i in range(length):
                    for c in range(channels):
                        total[c] += 1 if given[i, 1, c] & given[i, 2, c] & FIRED else 0
                    if i >= reach:
                        for c in range(channels):
                            total[c] -= 1 if given[i - reach, 1, c] & given[i - reach, 2, c] & FIRED else 0
                    for c in range(channels):
                        packed_here[i, 0, c] = given[i, 0, c]
                    for c in range(channels):
                        membrane = total[c] + beta * kept[i, c]
                        kept[i, c], packed_here[i, 1, c] = step(membrane, threshold, low, high, zero)


@parallel
def _backward(
    chunks: int,
    factors: PackedSpikes,
    reach: int,
    bounds: Bounds,
    neuron: Array,
    packed: PackedSpikes,
    grad_spikes: Array,
    grad_factors: Array,
) -> None:
    steps, _, _, channels = packed.shape
    beta, zero = neuron[0], neuron[4]
    longest = np.max(np.diff(bounds))
    for chunk in prange(chunks):
        inner = np.empty((longest, channels), neuron.dtype)  # ∂X
        total = np.empty(channels, neuron.dtype)
        for window in range(*windows_of(chunk, bounds)):
            begin, length = bounds[window], bounds[window + 1] - bounds[window]
            inner[:] = zero
            for t in range(steps - 1, -1, -1):
                given, packed_here = factors[t, begin:], packed[t, begin:]
                grad, grads = grad_spikes[t, begin:], grad_factors[t, begin:]
                total[:] = zero
                for i in range(length - 1, -1, -1):
                    for c in range(channels):
                        inner[i, c] = step_back(packed_here[i, 1, c], grad[i, 1, c], beta * inner[i, c], zero)
                        total[c] += inner[i, c]
                    if i + reach < length:
                        for c in range(channels):
                            total[c] -= inner[i + reach, c]
                    for c in range(channels):
                        grads[i, 0, c] = grad[i, 0, c]
                    for c in range(channels):
                        grads[i, 1, c] = total[c] if given[i, 2, c] & FIRED else zero
                    for c in range(channels):
                        grads[i, 2, c] = total[c] if given[i, 1, c] & FIRED else zero


@parallel
def _through_gate(chunks: int, given: PackedSpikes, grad: Array, grad_given: Array) -> None:
    steps, tokens, channels = grad.shape
    zero = grad.dtype.type(0)
    for chunk in prange(chunks):
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for t in range(steps):
                for c in range(channels):
                    grad_given[t, token, 0, c] = grad[t, token, c] if given[t, token, 1, c] & FIRED else zero
                for c in range(channels):
                    grad_given[t, token, 1, c] = grad[t, token, c] if given[t, token, 0, c] & FIRED else zero
