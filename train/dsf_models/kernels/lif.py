"""The neuron (eq. 1) over all time steps in one pass, and its surrogate gradient in another.

Forward, from H[−1] = 0:    ``U[t] = X[t] + β·H[t−1]``,  ``S[t] = Θ(U[t] − V_th)``,  ``H[t] = U[t]·(1 − S[t])``

Backward, from G[T] = 0:    ``G[t] = ∂S[t]·1{|U[t] − V_th| < w} + (1 − S[t])·β·G[t+1]``

The surrogate gradient is a rectangle of half-width w. All that it needs of U is whether it was near the threshold and
whether it was above: two bits, packed into a byte. The second is the spike, so packed spikes are also how kernels hand
spikes to each other. Another surrogate needs U itself; neurons that have one keep their PyTorch form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from dsf_models.kernels.parallel import CHUNK, Array, chunk_count, compiled, parallel, run_chunks
from dsf_models.lif import Lif
from dsf_models.surrogates import Rectangle

PackedSpikes = NDArray[np.uint8]

NEAR, FIRED = np.uint8(1), np.uint8(2)
_PIECE = 2**14  # spikes that a thread takes at a time


def constants(neuron: Lif, kind: np.dtype[Any]) -> Array:
    """β, V_th, the surrogate's bounds and 0, in the precision of the kernels that are given them."""
    assert isinstance(neuron.surrogate, Rectangle)
    low, high = neuron.threshold - neuron.surrogate.half_width, neuron.threshold + neuron.surrogate.half_width
    return np.array([neuron.beta, neuron.threshold, low, high, 0], kind)


def pack(spikes: Array) -> PackedSpikes:
    """Packed ``spikes``, which are 0 or 1; the bit that their neurons' gradient needs stays 0."""
    packed = np.empty(spikes.shape, np.uint8)
    run_chunks(_pack, _pieces(packed), packed.size, spikes.reshape(-1), packed.reshape(-1))
    return packed


def unpack(packed: PackedSpikes, kind: np.dtype[Any]) -> Array:
    """The spikes in ``packed`` as numbers, 0.0 or 1.0."""
    spikes = np.empty(packed.shape, kind)
    run_chunks(_unpack, _pieces(packed), packed.size, packed.reshape(-1), spikes.reshape(-1))
    return spikes


def _pieces(packed: PackedSpikes) -> int:
    return -(-packed.size // _PIECE)


@parallel
def _pack(chunks: int, spikes: Array, packed: PackedSpikes) -> None:
    for chunk in prange(chunks):
        for n in range(chunk * _PIECE, min((chunk + 1) * _PIECE, len(packed))):
            packed[n] = FIRED if spikes[n] > 0 else np.uint8(0)


@parallel
def _unpack(chunks: int, packed: PackedSpikes, spikes: Array) -> None:
    for chunk in prange(chunks):
        for n in range(chunk * _PIECE, min((chunk + 1) * _PIECE, len(packed))):
            spikes[n] = 1 if packed[n] & FIRED else 0


@compiled
def step(membrane: Any, threshold: Any, low: Any, high: Any, zero: Any) -> tuple[Any, Any]:
    """H and the packed spike of a neuron whose membrane is U."""
    fires = membrane > threshold
    near = (membrane > low) & (membrane < high)
    return zero if fires else membrane, np.uint8(near) * NEAR | np.uint8(fires) * FIRED


@compiled
def step_back(packed: Any, grad_spike: Any, later: Any, zero: Any) -> Any:
    """G[t] from ∂S[t] and ``later`` = β·G[t+1]."""
    return (grad_spike if packed & NEAR else zero) + (zero if packed & FIRED else later)


class Neurons:
    """``SN(X)``: a current, (T, ...), into packed spikes."""

    parameters: Sequence[Tensor] = ()

    def __init__(self, neuron: Lif) -> None:
        self._neuron = neuron

    def forward(self, current: Array) -> PackedSpikes:
        given = _by_token(current)
        self._constants = constants(self._neuron, given.dtype)
        self._packed = np.empty(given.shape, np.uint8)
        run_chunks(_forward, chunk_count(given.shape[1]), given.size, given, self._constants, self._packed)
        return self._packed.reshape(current.shape)

    def backward(self, grad_spikes: Array) -> tuple[Array, Sequence[Tensor | None]]:
        grad_current = np.empty_like(grad_spikes)
        grad, inner = _by_token(grad_spikes), _by_token(grad_current)
        run_chunks(_backward, chunk_count(grad.shape[1]), grad.size, self._packed, grad, self._constants, inner)
        return grad_current, ()


def _by_token(values: Array) -> Array:
    """(T, ..., D) as (T, tokens, D); neurons without a channel axis are one row of them."""
    return values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)


@parallel
def _forward(chunks: int, current: Array, neuron: Array, packed: PackedSpikes) -> None:
    steps, tokens, channels = current.shape
    beta, threshold, low, high, zero = neuron
    for chunk in prange(chunks):
        kept = np.empty(channels, current.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                kept[c] = zero
            for t in range(steps):
                for c in range(channels):
                    membrane = current[t, token, c] + beta * kept[c]
                    kept[c], packed[t, token, c] = step(membrane, threshold, low, high, zero)


@parallel
def _backward(chunks: int, packed: PackedSpikes, grad_spikes: Array, neuron: Array, grad_current: Array) -> None:
    steps, tokens, channels = packed.shape
    beta, zero = neuron[0], neuron[4]
    for chunk in prange(chunks):
        carried = np.empty(channels, grad_spikes.dtype)
        for token in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tokens)):
            for c in range(channels):
                carried[c] = zero
            for t in range(steps - 1, -1, -1):
                for c in range(channels):
                    gradient = step_back(packed[t, token, c], grad_spikes[t, token, c], beta * carried[c], zero)
                    grad_current[t, token, c] = gradient
                    carried[c] = gradient
